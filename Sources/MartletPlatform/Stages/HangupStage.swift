import Logging
import MartletSystem
import ServiceLifecycle
import UnixSignals

/// Ignores SIGHUP in a process without a gateway file. Administrators send the signal to every daemon of a machine, so
/// it must not end this one.
struct HangupStage: Stage {
    private let logger: Logger

    init(_ telemetry: TelemetryStage) { logger = telemetry.logger }

    var tasks: [StageTask] { [StageTask("hangups", HangupListener(logger: logger))] }
}

struct HangupListener: ServiceLifecycle.Service {
    let logger: Logger

    /// Without this, SIGHUP would end the process until a listener is installed.
    static func ignoreSignal() { signal(SIGHUP, SIG_IGN) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) {
                logger.notice("SIGHUP is ignored: there is no gateway_file to reload")
            }
        }
    }
}

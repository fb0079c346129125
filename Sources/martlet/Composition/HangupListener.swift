import Logging
import MartletSystem
import ServiceLifecycle
import UnixSignals

/// SIGHUP where there is no file to read again. Administrators send it to every daemon of a machine: it ends nothing.
struct HangupListener: ServiceLifecycle.Service {
    let logger: Logger

    /// Until somebody listens to it, SIGHUP would end the process.
    static func ignoreSignal() { signal(SIGHUP, SIG_IGN) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) {
                logger.notice("SIGHUP is ignored: there is no gateway_file to read again")
            }
        }
    }
}

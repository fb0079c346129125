import Logging
import MartletClient
import MartletTelemetry

/// Logs, metrics and traces. The first stage, so that it covers all others.
struct TelemetryStage: Stage {
    let metrics = MetricsRegistry()
    let logger: Logger
    /// nil when tracing is off.
    let spans: SpanRecorder?
    private let log: LogWriter
    private let collector: String?

    /// Installs the process's logging. Call it once.
    init(_ settings: TelemetrySettings) {
        let dropped = metrics.counter(
            "log_lines_dropped_total", help: "Log lines dropped because the log was not read fast enough.")
        let log = LogWriter(onDrop: { dropped.increment() }) {
            JSONLogHandler.droppedLines($0, serviceName: "martlet")
        }
        self.log = log
        let level = settings.logLevel
        LoggingSystem.bootstrap { JSONLogHandler(serviceName: $0, level: level, sink: log.write) }
        logger = Logger(label: "martlet")
        collector = settings.otlpEndpoint
        spans = settings.otlpEndpoint.map { [metrics] _ in SpanRecorder(sample: settings.traceSample, metrics: metrics)
        }
    }

    var tasks: [StageTask] {
        guard let spans, let collector else { return [] }
        let exporter = SpanExporter(
            spans, to: collector, version: Martlet.version, logger: Logger(label: "traces"))
        return [StageTask("traces", exporter)]
    }

    /// Writes the rest of the log. Waits at most a second for its reader.
    func close() async { log.flush(within: 1) }
}

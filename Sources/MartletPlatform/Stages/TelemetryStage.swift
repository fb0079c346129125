import Logging
import MartletClient
import MartletTelemetry

/// Logs, metrics and traces. The first stage: it hears of everything that the others do.
struct TelemetryStage: Stage {
    let metrics = MetricsRegistry()
    let logger: Logger
    /// nil when nothing is traced.
    let spans: SpanRecorder?
    private let log: LogWriter
    private let collector: String?

    /// Installs the process's logging, so it is called once.
    init(_ settings: TelemetrySettings) {
        let dropped = metrics.counter(
            "log_lines_dropped_total", help: "Lines of the log that were dropped because it was not read fast enough.")
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

    /// Writes what is left of the log. A reader that has stopped does not keep the process from ending.
    func close() async { log.flush(within: 1) }
}

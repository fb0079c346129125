import Logging
import MartletCore

/// What the process reports about itself: traces and logs.
struct TelemetrySettings: SettingGroup {
    /// The collector of traces; nil when tracing is off.
    var otlpEndpoint: String?
    /// The share of requests to trace, from 0 to 1.
    var traceSample: Double
    var logLevel: Logger.Level

    init(_ settings: inout SettingReader) {
        otlpEndpoint = settings.readOptional(
            "otlp_endpoint", "The OpenTelemetry collector to send traces to (OTLP over HTTP).",
            form: "http://host:4318",
            shown: "none", isSecret: true, commonVariables: ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        ) { text in
            guard text.hasPrefix("http://") || text.hasPrefix("https://"), text.count > 8 else {
                throw SettingMistake("must be an http:// or https:// URL, such as http://127.0.0.1:4318")
            }
            return text
        }
        traceSample = settings.read(
            "trace_sample", "The share of requests to trace, from 0 to 1.", form: "0…1", default: 1, shown: "1"
        ) { text in
            guard let share = Double(text), (0...1).contains(share) else {
                throw SettingMistake("'\(text)' is not a number from 0 to 1; 0.1 traces a tenth")
            }
            return share
        }
        logLevel = settings.read(
            "log_level", "The minimum level to log: trace, debug, info, notice, warning, error or critical.",
            form: "level",
            default: .info
        ) { text in
            guard let level = Logger.Level(rawValue: text.lowercased()) else {
                let levels = Logger.Level.allCases.map(\.rawValue)
                throw SettingMistake(
                    "'\(text)' is not one of \(levels.joined(separator: ", "))."
                        + Suggestion.hint(for: text, among: levels))
            }
            return level
        }
    }
}

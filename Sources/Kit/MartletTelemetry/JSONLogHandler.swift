public import Logging
public import MartletCore
import MartletSystem

/// Writes one JSON object per line to standard error: `timestamp`, `level`, `service_name`, `message`, then the
/// metadata as fields (`request_id`, `trace_id`, …).
public struct JSONLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata
    private let serviceName: String
    private let clock: WallClock
    private let sink: @Sendable ([UInt8]) -> Void

    /// - Parameter sink: receives one complete line with its newline. Default: standard error, which may block; servers
    ///   use a ``LogWriter`` instead.
    public init(
        serviceName: String, level: Logger.Level, clock: WallClock = .system,
        sink: @escaping @Sendable ([UInt8]) -> Void = JSONLogHandler.standardError
    ) {
        self.serviceName = serviceName
        logLevel = level
        metadata = [:]
        self.clock = clock
        self.sink = sink
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var members = Self.members(serviceName, event.level, event.message.description, clock)
        let fields = event.metadata.map { metadata.merging($0) { _, own in own } } ?? metadata
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { members.append((name, json(value))) }
        sink(JSONValue.object(members).bytes + [UInt8(ascii: "\n")])
    }

    /// The line that reports how many log lines were dropped.
    public static func droppedLines(_ count: Int, serviceName: String, clock: WallClock = .system) -> [UInt8] {
        let message = "log lines were dropped because the log was not read fast enough"
        let members = members(serviceName, .warning, message, clock) + [("dropped", .number("\(count)"))]
        return JSONValue.object(members).bytes + [UInt8(ascii: "\n")]
    }

    private static func members(
        _ serviceName: String, _ level: Logger.Level, _ message: String, _ clock: WallClock
    ) -> [(String, JSONValue)] {
        [
            ("timestamp", .string(clock.now.description)), ("level", .string(level.rawValue)),
            ("service_name", .string(serviceName)), ("message", .string(message)),
        ]
    }

    private func json(_ value: Logger.MetadataValue) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let value as any BinaryInteger): .number(String(describing: value))
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(json))
        case .dictionary(let fields): .object(fields.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
        @unknown default: .string(value.description)
        }
    }

    /// Writes a line with a single `write`, so that lines of several threads do not mix. Blocks while the pipe is full.
    public static func standardError(_ line: [UInt8]) {
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

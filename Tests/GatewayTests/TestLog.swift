import Logging
import Synchronization

/// Collects the log of a gateway.
final class TestLog: Sendable {
    struct Entry: Sendable {
        let message: String
        let metadata: [String: String]
    }

    private let all = Mutex<[Entry]>([])

    var entries: [Entry] { all.withLock { $0 } }
    var messages: [String] { entries.map(\.message) }
    func clear() { all.withLock { $0 = [] } }

    private struct Handler: LogHandler {
        let log: TestLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let metadata = event.metadata ?? [:]
            let entry = Entry(message: "\(event.message)", metadata: metadata.mapValues { "\($0)" })
            log.all.withLock { $0.append(entry) }
        }
    }

    var logger: Logger { Logger(label: "gateway", factory: { _ in Handler(log: self) }) }
}

import Logging
import MartletCore
import MartletDiscovery
import MartletTesting
import Synchronization
import Testing

/// The events of a discovery so far.
final class Found: Sendable {
    private struct State {
        var list: [DiscoveredEndpoint]?
        var lists = 0
        var isReachable: Bool?
        var losses = 0
        var reason: String?
        var unusable: [String] = []
    }

    private let state = Mutex(State())

    /// Addresses without `http://`; nil before the first list.
    var hosts: [String]? { state.withLock { $0.list?.map { String($0.endpoint.description.dropFirst(7)) } } }
    var weights: [Int]? { state.withLock { $0.list?.map(\.weight) } }
    var lists: Int { state.withLock { $0.lists } }
    var isReachable: Bool? { state.withLock { $0.isReachable } }
    var losses: Int { state.withLock { $0.losses } }
    /// The last reason for which the registry was unreachable.
    var reason: String? { state.withLock { $0.reason } }
    var unusable: [String] { state.withLock { $0.unusable } }

    func take(_ event: DiscoveryEvent) {
        state.withLock { state in
            switch event {
            case .endpoints(let list):
                state.list = list
                state.lists += 1
            case .reachable: state.isReachable = true
            case .unusable(let names): state.unusable = names
            case .unreachable(let reason):
                state.isReachable = false
                state.reason = reason
                state.losses += 1
            }
        }
    }

    func becomes(_ hosts: String..., within limit: Duration = .seconds(30)) async throws {
        do {
            try await eventually("\(hosts)", within: limit) { self.hosts == hosts }
        } catch {
            Issue.record("found \(String(describing: self.hosts)) instead of \(hosts)")
            throw error
        }
    }
}

/// Runs a discovery during a test.
func withDiscovery(
    _ source: DiscoverySource, emptyHold: Duration = .milliseconds(50), known: [DiscoveredEndpoint]? = nil,
    log: RecordedLog? = nil,
    _ body: (Found) async throws -> Void
) async throws {
    let found = Found()
    let logger = Logger(label: "test") { _ -> any LogHandler in
        if let log { RecordingHandler(log) } else { SwiftLogNoOpLogHandler() }
    }
    var discovery = EndpointDiscovery(source, logger: logger)
    discovery.emptyHold = emptyHold
    discovery.known = known
    discovery.settling = .milliseconds(10)
    try await withThrowingTaskGroup(of: Void.self) { [discovery] group in
        group.addTask { await discovery.run { found.take($0) } }
        do {
            try await body(found)
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
    }
}

final class RecordedLog: Sendable {
    private let state = Mutex<[String]>([])
    var lines: [String] { state.withLock { $0 } }
    func add(_ line: String) { state.withLock { $0.append(line) } }
}

private struct RecordingHandler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(_ log: RecordedLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.add("\(event.level) \(event.message)") }
}

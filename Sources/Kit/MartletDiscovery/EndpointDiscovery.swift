public import Logging
import MartletCore
import Synchronization

/// A change in the known state of a service.
public enum DiscoveryEvent: Sendable {
    /// The new list of endpoints.
    case endpoints([DiscoveredEndpoint])
    /// The names of registry entries that cannot be used, for administrators.
    case unusable([String])
    /// The registry is unreachable; its last list stays in force. Reported again when the reason changes.
    case unreachable(reason: String)
    /// The registry responds, for the first time or again.
    case reachable
}

/// Watches a source for the endpoints of a service.
///
/// An unreachable registry is retried with exponential backoff and jitter. Meanwhile its last list stays in force,
/// which is logged once.
public struct EndpointDiscovery: Sendable {
    /// How long changes are collected before they are reported. Default: 100 ms.
    public var settling = Duration.milliseconds(100)
    /// How long an empty list is ignored after a non-empty one. Default: 30 seconds.
    public var emptyHold = Duration.seconds(30)
    /// The endpoints to use until the registry returns others; nil when none are known.
    public var known: [DiscoveredEndpoint]?
    private let source: DiscoverySource
    private let logger: Logger

    public init(_ source: DiscoverySource, logger: Logger) {
        self.source = source
        self.logger = logger
    }

    /// Runs until its task is cancelled.
    /// - Parameter report: receives the events, one after the other.
    public func run(_ report: @Sendable (DiscoveryEvent) async -> Void) async {
        let (events, continuation) = AsyncStream.makeStream(of: DiscoveryEvent.self)
        let inbox = Inbox(SettlingList(settling: settling, emptyHold: emptyHold, known: known), continuation)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await watch(inbox) }
            group.addTask { await inbox.settle() }
            for await event in events { await report(event) }
            group.cancelAll()
        }
    }

    private func watch(_ inbox: Inbox) async {
        var backoff = Backoff(initial: .milliseconds(250), maximum: .seconds(15))
        while !Task.isCancelled {
            let received = inbox.received
            do {
                try await watcher().watch { list in
                    if inbox.receive(list) {
                        logger.notice("the registry answers again", metadata: ["source": "\(source)"])
                    }
                }
            } catch {
                if Task.isCancelled { break }
                if inbox.failed("\(error)") {
                    logger.warning(
                        "the registry does not answer; its last list stays in force",
                        metadata: ["source": "\(source)", "error": "\(error)"])
                }
            }
            // The registry responded before the failure, so it is alive.
            if inbox.received != received { backoff.reset() }
            try? await Task.sleep(for: backoff.next())
        }
        inbox.finish()
    }

    private func watcher() throws -> any EndpointWatcher {
        switch source {
        case .fixed(let endpoints): FixedWatcher(endpoints: endpoints)
        case .dns(let source): DNSWatcher(source)
        case .etcd(let source): try EtcdWatcher(source, logger: logger)
        case .consul(let source): ConsulWatcher(source)
        }
    }
}

/// Watches one registry.
protocol EndpointWatcher: Sendable {
    /// Passes every list of the registry to `found`, including unchanged ones.
    /// - Throws: when the registry fails or the task is cancelled.
    func watch(_ found: @Sendable (RegistryList) -> Void) async throws
}

private struct FixedWatcher: EndpointWatcher {
    let endpoints: [DiscoveredEndpoint]

    func watch(_ found: @Sendable (RegistryList) -> Void) async throws {
        found(RegistryList(endpoints))
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// Connects the task that watches the registry with the one that reports lists.
private final class Inbox: Sendable {
    private struct State {
        var list: SettlingList<ContinuousClock.Instant>
        var received = 0
        var unusable: [String] = []
        /// Why the registry is unreachable; nil when it responds or has not been contacted yet.
        var failure: String?
    }

    private let state: Mutex<State>
    private let events: AsyncStream<DiscoveryEvent>.Continuation
    private let dueTimes: AsyncStream<ContinuousClock.Instant>
    private let due: AsyncStream<ContinuousClock.Instant>.Continuation

    init(_ list: SettlingList<ContinuousClock.Instant>, _ events: AsyncStream<DiscoveryEvent>.Continuation) {
        state = Mutex(State(list: list))
        self.events = events
        (dueTimes, due) = AsyncStream.makeStream(of: ContinuousClock.Instant.self)
    }

    /// The number of lists received.
    var received: Int { state.withLock { $0.received } }

    /// - Returns: whether the registry had failed before.
    func receive(_ list: RegistryList) -> Bool {
        let (next, hadFailed) = state.withLock { state in
            let hadFailed = state.failure != nil
            if hadFailed || state.received == 0 { events.yield(.reachable) }
            state.failure = nil
            state.received += 1
            if list.unusable != state.unusable { events.yield(.unusable(list.unusable)) }
            state.unusable = list.unusable
            return (state.list.receive(list.endpoints, .now), hadFailed)
        }
        if let next { due.yield(next) }
        return hadFailed
    }

    /// - Returns: whether the registry was reachable before.
    func failed(_ reason: String) -> Bool {
        state.withLock { state in
            defer { state.failure = reason }
            state.list.fail()
            if state.failure != reason { events.yield(.unreachable(reason: reason)) }
            return state.failure == nil
        }
    }

    /// Reports lists when they are due.
    func settle() async {
        await withDiscardingTaskGroup { group in
            for await due in dueTimes {
                group.addTask {
                    guard (try? await Task.sleep(until: due)) != nil else { return }
                    self.state.withLock { state in
                        if let list = state.list.settle(.now) { self.events.yield(.endpoints(list)) }
                    }
                }
            }
            group.cancelAll()
        }
    }

    func finish() {
        due.finish()
        events.finish()
    }
}

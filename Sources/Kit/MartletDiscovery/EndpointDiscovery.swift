public import Logging
import Synchronization

/// What is learned of a service.
public enum DiscoveryEvent: Sendable {
    /// These are its endpoints from now on.
    case endpoints([DiscoveredEndpoint])
    /// The registry cannot be asked; what it said last is still true as far as anybody knows.
    case unreachable(reason: String)
    /// The registry answers again.
    case reachable
}

/// Keeps asking a source where a service is.
///
/// A registry that does not answer is asked again, after waits that grow and are jittered; the list it gave last stays
/// in force for as long as that takes, and the log says so once.
public struct EndpointDiscovery: Sendable {
    /// How long changes are collected before they are passed on.
    public var settling = Duration.milliseconds(100)
    /// How long a list that has become empty is not believed.
    public var emptyHold = Duration.seconds(30)
    private let source: DiscoverySource
    private let logger: Logger

    public init(_ source: DiscoverySource, logger: Logger) {
        self.source = source
        self.logger = logger
    }

    /// Runs until its task is cancelled.
    /// - Parameter report: is told what is new, one event after the other.
    public func run(_ report: @Sendable (DiscoveryEvent) async -> Void) async {
        let (events, continuation) = AsyncStream.makeStream(of: DiscoveryEvent.self)
        let inbox = Inbox(settling, emptyHold, continuation)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await watch(inbox) }
            group.addTask { await inbox.settle() }
            for await event in events { await report(event) }
            group.cancelAll()
        }
    }

    private func watch(_ inbox: Inbox) async {
        var backoff = Backoff()
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
                        "the registry does not answer; what it said last stays in force",
                        metadata: ["source": "\(source)", "error": "\(error)"])
                }
            }
            // Something came before it failed: it is alive.
            if inbox.received != received { backoff.reset() }
            try? await Task.sleep(for: backoff.wait())
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

/// Asks one registry.
protocol EndpointWatcher: Sendable {
    /// Tells every list that the registry gives, the same ones too.
    /// - Throws: whatever keeps the registry from being asked; and when the task is cancelled.
    func watch(_ found: @Sendable ([DiscoveredEndpoint]) -> Void) async throws
}

private struct FixedWatcher: EndpointWatcher {
    let endpoints: [DiscoveredEndpoint]

    func watch(_ found: @Sendable ([DiscoveredEndpoint]) -> Void) async throws {
        found(endpoints)
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// Between the task that listens to the registry and the one that passes lists on.
private final class Inbox: Sendable {
    private struct State {
        var list: SettlingList<ContinuousClock.Instant>
        var received = 0
        var hasFailed = false
    }

    private let state: Mutex<State>
    private let events: AsyncStream<DiscoveryEvent>.Continuation
    private let dueTimes: AsyncStream<ContinuousClock.Instant>
    private let due: AsyncStream<ContinuousClock.Instant>.Continuation

    init(_ settling: Duration, _ emptyHold: Duration, _ events: AsyncStream<DiscoveryEvent>.Continuation) {
        state = Mutex(State(list: SettlingList(settling: settling, emptyHold: emptyHold)))
        self.events = events
        (dueTimes, due) = AsyncStream.makeStream(of: ContinuousClock.Instant.self)
    }

    /// How many lists have come.
    var received: Int { state.withLock { $0.received } }

    /// - Returns: whether the registry had failed before.
    func receive(_ list: [DiscoveredEndpoint]) -> Bool {
        let (next, hadFailed) = state.withLock { state in
            let hadFailed = state.hasFailed
            state.hasFailed = false
            state.received += 1
            if hadFailed { events.yield(.reachable) }
            return (state.list.receive(list, .now), hadFailed)
        }
        if let next { due.yield(next) }
        return hadFailed
    }

    /// - Returns: whether it had not failed before.
    func failed(_ reason: String) -> Bool {
        state.withLock { state in
            if !state.hasFailed { events.yield(.unreachable(reason: reason)) }
            defer { state.hasFailed = true }
            return !state.hasFailed
        }
    }

    /// Passes lists on when their time has come.
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

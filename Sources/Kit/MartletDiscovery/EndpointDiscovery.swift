public import Logging
import MartletCore
import Synchronization

/// What is learned of a service.
public enum DiscoveryEvent: Sendable {
    /// These are its endpoints from now on.
    case endpoints([DiscoveredEndpoint])
    /// What else the registry names, and cannot be used: names for administrators.
    case unusable([String])
    /// The registry cannot be asked; what it said last is still true as far as anybody knows. Told again when the reason
    /// is another.
    case unreachable(reason: String)
    /// The registry answers: for the first time, or again.
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
    /// What is in force until the registry has told something else; nil when nothing is known.
    public var known: [DiscoveredEndpoint]?
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
                        "the registry does not answer; what it said last stays in force",
                        metadata: ["source": "\(source)", "error": "\(error)"])
                }
            }
            // Something came before it failed: it is alive.
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

/// Asks one registry.
protocol EndpointWatcher: Sendable {
    /// Tells every list that the registry gives, the same ones too.
    /// - Throws: whatever keeps the registry from being asked; and when the task is cancelled.
    func watch(_ found: @Sendable (RegistryList) -> Void) async throws
}

private struct FixedWatcher: EndpointWatcher {
    let endpoints: [DiscoveredEndpoint]

    func watch(_ found: @Sendable (RegistryList) -> Void) async throws {
        found(RegistryList(endpoints))
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// Between the task that listens to the registry and the one that passes lists on.
private final class Inbox: Sendable {
    private struct State {
        var list: SettlingList<ContinuousClock.Instant>
        var received = 0
        var unusable: [String] = []
        /// Why the registry cannot be asked; nil when it can, or nobody has tried.
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

    /// How many lists have come.
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

    /// - Returns: whether it had not failed before.
    func failed(_ reason: String) -> Bool {
        state.withLock { state in
            defer { state.failure = reason }
            state.list.fail()
            if state.failure != reason { events.yield(.unreachable(reason: reason)) }
            return state.failure == nil
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

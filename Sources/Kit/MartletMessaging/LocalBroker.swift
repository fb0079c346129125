import Synchronization

/// Carries events between the services of one process: straight into the databases of the subscribers.
public final class LocalBroker: Broker {
    public typealias Store = @Sendable ([Envelope]) async throws -> Void

    private struct Subscriber {
        var sources: Set<String>
        var store: Store?
    }

    private struct State {
        var subscribers: [String: Subscriber] = [:]
        var requests: [String: Set<MissingEvents>] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// Several processes that each run all services deliver to the same databases.
    public var receivesInOneProcess: Bool { false }

    public func declare(_ subscriber: String, subscribesTo sources: Set<String>) async throws {
        state.withLock { $0.subscribers[subscriber, default: Subscriber(sources: [])].sources = sources }
    }

    /// - Throws: ``BrokerUnavailable`` while a subscriber is not receiving yet; the errors of the subscribers' databases.
    public func publish(_ events: [Envelope], from source: String, after position: String?) async throws -> String? {
        guard !events.isEmpty else { return nil }
        let subscribers = state.withLock { $0.subscribers.values.filter { $0.sources.contains(source) } }
        for subscriber in subscribers {
            guard let store = subscriber.store else { throw BrokerUnavailable() }
            try await store(events)
        }
        return nil
    }

    /// Makes the subscriber's database known, and waits until the task is cancelled.
    public func receive(
        _ subscriber: String, from sources: Set<String>, store: @escaping @Sendable ([Envelope]) async throws -> Void
    ) async throws {
        state.withLock { $0.subscribers[subscriber, default: Subscriber(sources: sources)].store = store }
        await Signal().wait()
    }

    public func request(_ missing: MissingEvents) async throws {
        state.withLock { _ = $0.requests[missing.source, default: []].insert(missing) }
    }

    public func takeRequests(to source: String) async throws -> [MissingEvents] {
        state.withLock { Array($0.requests.removeValue(forKey: source) ?? []) }
    }
}

/// A subscriber does not receive yet. Publishing is tried again.
struct BrokerUnavailable: Error, CustomStringConvertible {
    var description: String { "a subscriber does not receive yet" }
}

/// Carries events from the services that publish them to those that subscribe.
///
/// Delivery is at least once and, for one source, in the order of publishing: a subscriber recognizes duplicates. Each service
/// publishes and receives in one process at a time, but an earlier process may do so a little longer.
public protocol Broker: Sendable {
    /// Whether only one process of a subscriber receives at a time. Default: `true`.
    var receivesInOneProcess: Bool { get }

    /// Declares subscriptions before anything is published or received. Repeatable. Events published from now on reach the
    /// subscriber, whether it runs or not.
    /// - Parameters:
    ///   - subscriber: the receiving service: `analytics`.
    ///   - sources: the publishing services.
    func declare(_ subscriber: String, subscribesTo sources: Set<String>) async throws

    /// Publishes events of one source, in order. When it returns, no crash of this process loses them.
    /// - Parameters:
    ///   - events: may be empty, to check that nothing was lost.
    ///   - position: what the last call for this source has returned, in this process or an earlier one; nil at first.
    /// - Returns: the position after these events, as a text for the next call; nil for brokers that keep nothing. Another
    ///   broker than the one that returned it has forgotten the events.
    /// - Throws: ``BrokerError/forgot`` when events that were published before this position are gone: publish them again;
    ///   any other error when the broker cannot be reached: try again.
    func publish(_ events: [Envelope], from source: String, after position: String?) async throws -> String?

    /// Receives events until the task is cancelled.
    /// - Parameters:
    ///   - store: stores a batch durably. Called again with the same events if it throws.
    /// - Throws: any error when the broker cannot be reached: call it again after a while. `CancellationError`.
    func receive(
        _ subscriber: String, from sources: Set<String>, store: @escaping @Sendable ([Envelope]) async throws -> Void
    ) async throws

    /// Asks the publisher of a subject to publish its events again, because some are missing.
    func request(_ missing: MissingEvents) async throws

    /// Takes the requests of subscribers for a source.
    func takeRequests(to source: String) async throws -> [MissingEvents]
}

extension Broker {
    public var receivesInOneProcess: Bool { true }
}

/// Events of a subject that a subscriber lacks.
public struct MissingEvents: Sendable, Hashable, Codable {
    public let source: String
    public let subject: String
    /// The first missing number.
    public let from: Int64

    public init(source: String, subject: String, from: Int64) {
        self.source = source
        self.subject = subject
        self.from = from
    }
}

public enum BrokerError: Error, Equatable {
    /// The broker has lost events that it had accepted.
    case forgot
}

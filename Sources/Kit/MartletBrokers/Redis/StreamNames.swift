import MartletMessaging

/// The keys of a source in Redis.
struct StreamNames: Sendable {
    let prefix: String

    /// The stream of the source's events.
    func events(of source: String) -> String { Envelope.stream(of: source, prefix: prefix) }
    /// A hash with `epoch`, a random text that is lost with Redis's memory, and `since`, when the stream began anew.
    func state(of source: String) -> String { "\(prefix)state:\(source)" }
    /// The set of the subscribers, each of which has a consumer group of its name.
    func subscribers(of source: String) -> String { "\(prefix)subscribers:\(source)" }
    /// The list of the subscribers' requests for missing events.
    func requests(to source: String) -> String { "\(prefix)requests:\(source)" }
}

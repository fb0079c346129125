/// Up to which change a blocking query has told, by the rules of Consul's HTTP API ("Blocking Queries"). Pure.
struct ConsulIndex: Sendable, Equatable {
    /// 0 asks for an answer at once.
    private(set) var value: UInt64 = 0

    /// - Parameter header: `X-Consul-Index` of an answer.
    mutating func advance(_ header: String?) {
        // Zero would never block: it counts as one.
        let next = max(1, header.flatMap { UInt64($0) } ?? 1)
        // When it goes back, Consul has lost its past, and the next question must not wait for what never comes.
        value = next < value ? 0 : next
    }
}

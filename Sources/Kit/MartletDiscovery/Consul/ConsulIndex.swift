/// The index of a blocking query, updated by the rules of Consul's HTTP API ("Blocking Queries"). Pure.
struct ConsulIndex: Sendable, Equatable {
    /// 0 requests an immediate response.
    private(set) var value: UInt64 = 0

    /// - Parameter header: the `X-Consul-Index` of a response.
    mutating func advance(_ header: String?) {
        // Treat 0 as 1, because a query with 0 never blocks.
        let next = max(1, header.flatMap { UInt64($0) } ?? 1)
        // If the index goes back, Consul has lost its state. Reset, or the next query would wait for an index in vain.
        value = next < value ? 0 : next
    }
}

/// A set of an upstream's endpoints, by position. Allocates nothing for the first 64.
struct EndpointSet {
    private var first: UInt64 = 0
    private var others: Set<Int> = []

    func contains(_ endpoint: Int) -> Bool {
        endpoint < 64 ? first & (1 << UInt64(endpoint)) != 0 : others.contains(endpoint)
    }

    mutating func insert(_ endpoint: Int) {
        if endpoint < 64 { first |= 1 << UInt64(endpoint) } else { others.insert(endpoint) }
    }
}

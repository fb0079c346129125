import MartletCore
import NIOCore

/// Chooses among an upstream's endpoints, for one event loop.
struct Balancer {
    private let balance: GatewayConfiguration.Balance
    private let names: [String]
    private let weights: [Int]
    /// For round robin: the current weight of each endpoint (smooth weighted round robin, as in nginx).
    private var credits: [Int]
    /// For peak EWMA: the latency in nanoseconds, and when it was last updated.
    private var latencies: [(value: Double, at: NIODeadline)]
    private let ring: HashRing?

    /// The decay time of a latency peak, in nanoseconds: after it, 37 % remains.
    private static let decay = 10e9

    init(_ balance: GatewayConfiguration.Balance, endpoints: [(name: String, weight: Int)]) {
        self.balance = balance
        names = endpoints.map(\.name)
        weights = endpoints.map(\.weight)
        credits = Array(repeating: 0, count: endpoints.count)
        latencies = Array(repeating: (0, .uptimeNanoseconds(0)), count: endpoints.count)
        ring = if case .consistentHash = balance { HashRing(endpoints) } else { nil }
    }

    /// Keeps the latencies of endpoints that remain.
    mutating func takeOver(from other: Balancer) {
        guard balance == .peakEWMA, other.balance == .peakEWMA else { return }
        let known = Dictionary(zip(other.names, other.latencies), uniquingKeysWith: { first, _ in first })
        for (index, name) in names.enumerated() { latencies[index] = known[name] ?? latencies[index] }
    }

    /// - Parameters:
    ///   - key: the key for consistent hashing.
    ///   - inFlight: the requests in progress at an endpoint.
    ///   - isAvailable: whether an endpoint may be chosen.
    /// - Returns: nil when none may be chosen.
    mutating func choose(
        key: UInt64, now: NIODeadline, random: inout FastRandom, inFlight: (Int) -> Int, isAvailable: (Int) -> Bool
    ) -> Int? {
        switch balance {
        case .roundRobin:
            return nextInTurn(isAvailable)
        case .leastConnections:
            return better(of: &random, isAvailable) { Double(inFlight($0) + 1) / Double(weights[$0]) }
        case .peakEWMA:
            return better(of: &random, isAvailable) { index in
                let (value, at) = latencies[index]
                // At least 1, so that the load decides among endpoints without a known latency.
                let latency = max(value * Self.forgotten(since: at, now), 1)
                return latency * Double(inFlight(index) + 1) / Double(weights[index])
            }
        case .consistentHash:
            return ring?.first(from: key, where: isAvailable)
        }
    }

    /// Records the latency of a response.
    mutating func observe(_ index: Int, latency: Int64, now: NIODeadline) {
        guard balance == .peakEWMA, latencies.indices.contains(index) else { return }
        let sample = Double(max(0, latency))
        let (value, at) = latencies[index]
        let rest = Self.forgotten(since: at, now)
        latencies[index] = (sample > value ? sample : value * rest + sample * (1 - rest), now)
    }

    /// Approximates e⁻ᵗ closely enough for choosing.
    private static func forgotten(since start: NIODeadline, _ now: NIODeadline) -> Double {
        let time = Double(max(0, (now - start).nanoseconds)) / decay
        return 1 / (1 + time + time * time / 2)
    }

    private mutating func nextInTurn(_ isAvailable: (Int) -> Bool) -> Int? {
        var total = 0
        var best: Int?
        for index in weights.indices where isAvailable(index) {
            total += weights[index]
            credits[index] += weights[index]
            if best.map({ credits[index] > credits[$0] }) ?? true { best = index }
        }
        if let best { credits[best] -= total }
        return best
    }

    /// The better of two random endpoints (M. Mitzenmacher): nearly as good as the best of all, without every loop
    /// picking the same one.
    private func better(of random: inout FastRandom, _ isAvailable: (Int) -> Bool, cost: (Int) -> Double) -> Int? {
        var available = 0
        for index in weights.indices where isAvailable(index) { available += 1 }
        guard available > 0 else { return nil }
        func pick(_ position: Int) -> Int? {
            var left = position
            for index in weights.indices where isAvailable(index) {
                if left == 0 { return index }
                left -= 1
            }
            return nil
        }
        let first = Int(random.next() % UInt64(available))
        guard available > 1 else { return pick(first) }
        let second = (first + 1 + Int(random.next() % UInt64(available - 1))) % available
        guard let left = pick(first), let right = pick(second) else { return pick(first) }
        return cost(left) <= cost(right) ? left : right
    }
}

/// Consistent hashing: each endpoint has many places on a ring, and a key belongs to the first place at or after it.
struct HashRing {
    private let places: [(hash: UInt64, endpoint: Int)]
    private static let placesPerWeight = 100
    /// The most places on a ring, unless the weights alone exceed it: discovered lists may be long.
    private static let maximumPlaces = 200_000

    private let endpoints: Int

    /// The most places that one choice visits.
    static func steps(_ endpoints: Int) -> Int { 16 * endpoints }

    init(_ endpoints: [(name: String, weight: Int)]) {
        self.endpoints = endpoints.count
        let total = endpoints.reduce(1) { $0 + $1.weight }
        let placesPerWeight = min(Self.placesPerWeight, max(1, Self.maximumPlaces / total))
        var places: [(hash: UInt64, endpoint: Int)] = []
        for (index, endpoint) in endpoints.enumerated() {
            for number in 0..<(endpoint.weight * placesPerWeight) {
                places.append((Self.hash("\(endpoint.name)#\(number)".utf8), index))
            }
        }
        self.places = places.sorted { ($0.hash, $0.endpoint) < ($1.hash, $1.endpoint) }
    }

    func first(from key: UInt64, where isAvailable: (Int) -> Bool) -> Int? {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].hash < key { low = middle + 1 } else { high = middle }
        }
        guard !places.isEmpty else { return nil }
        let nearest = places[low % places.count].endpoint
        if isAvailable(nearest) { return nearest }
        // Each endpoint is tried once. The bounded number of steps finds most of them.
        var asked: Set<Int> = [nearest]
        for offset in 1..<max(1, min(places.count, Self.steps(endpoints))) {
            let endpoint = places[(low + offset) % places.count].endpoint
            guard asked.insert(endpoint).inserted else { continue }
            if isAvailable(endpoint) { return endpoint }
            if asked.count == endpoints { return nil }
        }
        // The rest, starting at one that the key determines.
        let first = Int(key % UInt64(endpoints))
        return (0..<endpoints).lazy.map { (first + $0) % endpoints }.first { !asked.contains($0) && isAvailable($0) }
    }

    /// The same in every process, so that gateways agree: FNV-1a with the finalizer of SplitMix64.
    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        Hash64.mix(Hash64.fnv1a(bytes))
    }
}

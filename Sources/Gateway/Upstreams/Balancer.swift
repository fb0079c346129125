import MartletCore
import NIOCore

/// Chooses among an upstream's endpoints, for one event loop.
struct Balancer {
    private let balance: GatewayConfiguration.Balance
    private let names: [String]
    private let weights: [Int]
    /// Round robin: how much each endpoint has to its credit (the smooth weighted kind of nginx).
    private var credits: [Int]
    /// Peak EWMA: nanoseconds, and when they were true.
    private var latencies: [(value: Double, at: NIODeadline)]
    private let ring: HashRing?

    /// How fast a peak is forgotten: to 37 % in that time.
    private static let decay = 10e9

    init(_ balance: GatewayConfiguration.Balance, endpoints: [(name: String, weight: Int)]) {
        self.balance = balance
        names = endpoints.map(\.name)
        weights = endpoints.map(\.weight)
        credits = Array(repeating: 0, count: endpoints.count)
        latencies = Array(repeating: (0, .uptimeNanoseconds(0)), count: endpoints.count)
        ring = if case .consistentHash = balance { HashRing(endpoints) } else { nil }
    }

    /// Keeps what is known of the latencies of endpoints that stay.
    mutating func takeOver(from other: Balancer) {
        guard balance == .peakEWMA, other.balance == .peakEWMA else { return }
        let known = Dictionary(zip(other.names, other.latencies), uniquingKeysWith: { first, _ in first })
        for (index, name) in names.enumerated() { latencies[index] = known[name] ?? latencies[index] }
    }

    /// - Parameters:
    ///   - key: what consistent hashing goes by.
    ///   - inFlight: requests under way at an endpoint.
    ///   - isAvailable: whether an endpoint may be chosen.
    /// - Returns: nil when none may.
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
                // Something for those that are not known yet, so that load tells them apart.
                let latency = max(value * Self.forgotten(since: at, now), 1)
                return latency * Double(inFlight(index) + 1) / Double(weights[index])
            }
        case .consistentHash:
            return ring?.first(from: key, where: isAvailable)
        }
    }

    /// An endpoint has answered.
    mutating func observe(_ index: Int, latency: Int64, now: NIODeadline) {
        guard balance == .peakEWMA, latencies.indices.contains(index) else { return }
        let sample = Double(max(0, latency))
        let (value, at) = latencies[index]
        let rest = Self.forgotten(since: at, now)
        latencies[index] = (sample > value ? sample : value * rest + sample * (1 - rest), now)
    }

    /// e⁻ᵗ, near enough for choosing.
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

    /// The better of two drawn at random (M. Mitzenmacher): nearly as good as the best of all, and no herd runs to the
    /// one that looks best.
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

/// Consistent hashing: every endpoint has many places on a ring, and a key belongs to the first at or after it.
struct HashRing {
    private let places: [(hash: UInt64, endpoint: Int)]
    private static let placesPerWeight = 100
    /// Places that a ring has at the most, or one for each weight: lists that are discovered may be long.
    private static let maximumPlaces = 200_000

    private let endpoints: Int

    /// Places that one choice looks at, at the most.
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
        // An endpoint has many places: each is asked once, and no more places are looked at than would find most of them.
        var asked: Set<Int> = [nearest]
        for offset in 1..<max(1, min(places.count, Self.steps(endpoints))) {
            let endpoint = places[(low + offset) % places.count].endpoint
            guard asked.insert(endpoint).inserted else { continue }
            if isAvailable(endpoint) { return endpoint }
            if asked.count == endpoints { return nil }
        }
        // Those that are left, from one that the key decides.
        let first = Int(key % UInt64(endpoints))
        return (0..<endpoints).lazy.map { (first + $0) % endpoints }.first { !asked.contains($0) && isAvailable($0) }
    }

    /// The same in every process, so that several gateways agree: FNV-1a with the finaliser of SplitMix64.
    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        Hash64.mix(Hash64.fnv1a(bytes))
    }
}

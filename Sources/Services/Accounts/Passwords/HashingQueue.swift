/// The passwords that wait to be hashed, served in turn by their networks, and within a network by its sources: everybody's
/// next one comes before anybody's second. Bounded; when it is full, the network with the most waiting makes room for
/// others, and within a network the source with the most.
///
/// By network first, because accounts cost nothing: whoever has forty would otherwise have forty turns.
///
/// Known sources come first, except for every fourth turn, which is a stranger's: neither can keep the other out.
struct HashingQueue<Job> {
    private struct Lane {
        let source: LoginSource
        var jobs: [Job]
    }

    private struct Network {
        let name: String
        /// None is empty.
        var lanes: [Lane]

        var count: Int { lanes.reduce(0) { $0 + $1.jobs.count } }

        /// The lane with the most waiting; of several the one that is served last.
        var longest: Int? { lanes.indices.reversed().max { lanes[$0].jobs.count < lanes[$1].jobs.count } }

        func lane(of source: LoginSource) -> Int? { lanes.firstIndex { $0.source == source } }

        mutating func removeLast(ofLane index: Int) -> Job? {
            let job = lanes[index].jobs.popLast()
            if lanes[index].jobs.isEmpty { lanes.remove(at: index) }
            return job
        }
    }

    private let capacity: Int
    private var known: [Network] = []
    private var strangers: [Network] = []
    private var turns = 0

    /// - Parameter capacity: how many may wait, known and strangers each.
    init(capacity: Int) { self.capacity = capacity }

    /// - Returns: the job that is refused, if there is no room: this one or another's.
    mutating func add(_ job: Job, from source: LoginSource) -> Job? {
        source.isKnown ? Self.add(job, source, to: &known, capacity) : Self.add(job, source, to: &strangers, capacity)
    }

    private static func add(
        _ job: Job, _ source: LoginSource, to networks: inout [Network], _ capacity: Int
    ) -> Job? {
        let own = networks.firstIndex { $0.name == source.network }
        var refused: Job?
        if networks.reduce(0, { $0 + $1.count }) >= capacity {
            guard let (network, lane) = placeToMakeRoom(for: source, own, networks) else { return job }
            refused = networks[network].removeLast(ofLane: lane)
        }
        // None is empty now: who makes room has more waiting than the one that comes.
        if let own {
            if let lane = networks[own].lane(of: source) {
                networks[own].lanes[lane].jobs.append(job)
            } else {
                networks[own].lanes.append(Lane(source: source, jobs: [job]))
            }
        } else {
            networks.append(Network(name: source.network, lanes: [Lane(source: source, jobs: [job])]))
        }
        return refused
    }

    /// - Returns: nil when nobody has more waiting than the one that comes.
    private static func placeToMakeRoom(
        for source: LoginSource, _ own: Int?, _ networks: [Network]
    ) -> (network: Int, lane: Int)? {
        guard let largest = networks.indices.max(by: { networks[$0].count < networks[$1].count }) else { return nil }
        if networks[largest].count > (own.map { networks[$0].count } ?? 0) + 1 {
            return networks[largest].longest.map { (largest, $0) }
        }
        guard let own, let longest = networks[own].longest else { return nil }
        let waiting = networks[own].lane(of: source).map { networks[own].lanes[$0].jobs.count } ?? 0
        return networks[own].lanes[longest].jobs.count > waiting + 1 ? (own, longest) : nil
    }

    mutating func next() -> Job? {
        turns = (turns + 1) % 4
        return turns == 0
            ? Self.next(&strangers) ?? Self.next(&known) : Self.next(&known) ?? Self.next(&strangers)
    }

    /// The first of the first lane of the first network; both go to the end.
    private static func next(_ networks: inout [Network]) -> Job? {
        guard !networks.isEmpty else { return nil }
        var network = networks.removeFirst()
        guard !network.lanes.isEmpty else { return nil }
        var lane = network.lanes.removeFirst()
        guard !lane.jobs.isEmpty else { return nil }
        let job = lane.jobs.removeFirst()
        if !lane.jobs.isEmpty { network.lanes.append(lane) }
        if !network.lanes.isEmpty { networks.append(network) }
        return job
    }
}

/// A fair queue of passwords to hash: round-robin over sites (an IPv4 address or an IPv6 /48), and over sources within
/// a site. Bounded: when it is full, the site with the most waiting jobs loses one, and within the site the source with
/// the most.
///
/// Sites come first because accounts and IPv6 networks are free: a client with forty of them would get forty turns.
///
/// Known sources are preferred, but every fourth turn goes to an unknown one, so that neither group can starve the
/// other.
struct HashingQueue<Job> {
    private struct Lane {
        let source: LoginSource
        var jobs: [Job]
    }

    private struct Site {
        let name: String
        /// The lanes, none of which is empty.
        var lanes: [Lane]

        var count: Int { lanes.reduce(0) { $0 + $1.jobs.count } }

        /// The lane with the most waiting jobs; of several, the one that is served last.
        var longest: Int? { lanes.indices.reversed().max { lanes[$0].jobs.count < lanes[$1].jobs.count } }

        func lane(of source: LoginSource) -> Int? { lanes.firstIndex { $0.source == source } }

        mutating func removeLast(ofLane index: Int) -> Job? {
            let job = lanes[index].jobs.popLast()
            if lanes[index].jobs.isEmpty { lanes.remove(at: index) }
            return job
        }
    }

    private let capacity: Int
    private var known: [Site] = []
    private var strangers: [Site] = []
    private var turns = 0

    /// - Parameter capacity: the maximum number of waiting jobs, for known and for unknown sources each.
    init(capacity: Int) { self.capacity = capacity }

    /// - Returns: the job that is rejected if the queue is full: this one or another.
    mutating func add(_ job: Job, from source: LoginSource) -> Job? {
        source.isKnown ? Self.add(job, source, to: &known, capacity) : Self.add(job, source, to: &strangers, capacity)
    }

    private static func add(
        _ job: Job, _ source: LoginSource, to sites: inout [Site], _ capacity: Int
    ) -> Job? {
        let own = sites.firstIndex { $0.name == source.site }
        var refused: Job?
        if sites.reduce(0, { $0 + $1.count }) >= capacity {
            guard let (site, lane) = placeToMakeRoom(for: source, own, sites) else { return job }
            refused = sites[site].removeLast(ofLane: lane)
        }
        // No lane is empty now: the one that made room had more waiting jobs than the new job's.
        if let own {
            if let lane = sites[own].lane(of: source) {
                sites[own].lanes[lane].jobs.append(job)
            } else {
                sites[own].lanes.append(Lane(source: source, jobs: [job]))
            }
        } else {
            sites.append(Site(name: source.site, lanes: [Lane(source: source, jobs: [job])]))
        }
        return refused
    }

    /// - Returns: nil when no other source has more waiting jobs than the new job's.
    private static func placeToMakeRoom(
        for source: LoginSource, _ own: Int?, _ sites: [Site]
    ) -> (site: Int, lane: Int)? {
        guard let largest = sites.indices.max(by: { sites[$0].count < sites[$1].count }) else { return nil }
        if sites[largest].count > (own.map { sites[$0].count } ?? 0) + 1 {
            return sites[largest].longest.map { (largest, $0) }
        }
        guard let own, let longest = sites[own].longest else { return nil }
        let waiting = sites[own].lane(of: source).map { sites[own].lanes[$0].jobs.count } ?? 0
        return sites[own].lanes[longest].jobs.count > waiting + 1 ? (own, longest) : nil
    }

    mutating func next() -> Job? {
        turns = (turns + 1) % 4
        return turns == 0
            ? Self.next(&strangers) ?? Self.next(&known) : Self.next(&known) ?? Self.next(&strangers)
    }

    /// Takes the first job of the first lane of the first site, and moves both to the end.
    private static func next(_ sites: inout [Site]) -> Job? {
        guard !sites.isEmpty else { return nil }
        var site = sites.removeFirst()
        guard !site.lanes.isEmpty else { return nil }
        var lane = site.lanes.removeFirst()
        guard !lane.jobs.isEmpty else { return nil }
        let job = lane.jobs.removeFirst()
        if !lane.jobs.isEmpty { site.lanes.append(lane) }
        if !site.lanes.isEmpty { sites.append(site) }
        return job
    }
}

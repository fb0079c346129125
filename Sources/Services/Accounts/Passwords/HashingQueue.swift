/// The passwords that wait to be hashed, served in turn by their sites (an address, or a /48 of IPv6), and within a site by
/// its sources: everybody's next one comes before anybody's second. Bounded; when it is full, the site with the most
/// waiting makes room for others, and within a site the source with the most.
///
/// By site first, because accounts and networks of IPv6 cost nothing: whoever has forty would have forty turns.
///
/// Known sources come first, except for every fourth turn, which is a stranger's: neither can keep the other out.
struct HashingQueue<Job> {
    private struct Lane {
        let source: LoginSource
        var jobs: [Job]
    }

    private struct Site {
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
    private var known: [Site] = []
    private var strangers: [Site] = []
    private var turns = 0

    /// - Parameter capacity: how many may wait, known and strangers each.
    init(capacity: Int) { self.capacity = capacity }

    /// - Returns: the job that is refused, if there is no room: this one or another's.
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
        // None is empty now: who makes room has more waiting than the one that comes.
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

    /// - Returns: nil when nobody has more waiting than the one that comes.
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

    /// The first of the first lane of the first site; both go to the end.
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

/// The passwords that wait to be hashed, served in turn by their sources: everybody's next one comes before anybody's
/// second. Bounded; when it is full, the source with the most waiting makes room for others.
///
/// Known sources come first, except for every fourth turn, which is a stranger's: neither can keep the other out.
struct HashingQueue<Job> {
    private struct Lane {
        let source: LoginSource
        var jobs: [Job]
    }

    private let capacity: Int
    private var known: [Lane] = []
    private var strangers: [Lane] = []
    private var turns = 0

    /// - Parameter capacity: how many may wait, known and strangers each.
    init(capacity: Int) { self.capacity = capacity }

    /// - Returns: the job that is refused, if there is no room: this one or another's.
    mutating func add(_ job: Job, from source: LoginSource) -> Job? {
        source.isKnown ? Self.add(job, source, to: &known, capacity) : Self.add(job, source, to: &strangers, capacity)
    }

    private static func add(_ job: Job, _ source: LoginSource, to lanes: inout [Lane], _ capacity: Int) -> Job? {
        let own = lanes.firstIndex { $0.source == source }
        var refused: Job?
        if lanes.reduce(0, { $0 + $1.jobs.count }) >= capacity {
            let longest = lanes.indices.max { lanes[$0].jobs.count < lanes[$1].jobs.count }
            guard let longest, lanes[longest].jobs.count > (own.map { lanes[$0].jobs.count } ?? 0) + 1 else {
                return job
            }
            refused = lanes[longest].jobs.popLast()
        }
        if let own {
            lanes[own].jobs.append(job)
        } else {
            lanes.append(Lane(source: source, jobs: [job]))
        }
        return refused
    }

    mutating func next() -> Job? {
        turns = (turns + 1) % 4
        return turns == 0
            ? Self.next(&strangers) ?? Self.next(&known) : Self.next(&known) ?? Self.next(&strangers)
    }

    /// The first of the first lane, which goes to the end.
    private static func next(_ lanes: inout [Lane]) -> Job? {
        guard !lanes.isEmpty else { return nil }
        var lane = lanes.removeFirst()
        guard !lane.jobs.isEmpty else { return nil }
        let job = lane.jobs.removeFirst()
        if !lane.jobs.isEmpty { lanes.append(lane) }
        return job
    }
}

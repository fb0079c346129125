import NIOCore

/// Which connections to an endpoint give way when there are no more of them and others wait. Pure.
///
/// A client's fair share is what an equal division among those who hold or want one would give it. Who holds more loses
/// connections, though only those that the client itself keeps waiting: the service is at work for the others.
enum FairShare {
    struct Holding<Key: Hashable> {
        let key: Key
        /// Whether the client sends or takes so little that the connection mostly waits for it.
        let isSlow: Bool
        let since: NIODeadline
    }

    /// - Parameters:
    ///   - waiting: how many each client has waiting.
    ///   - limit: how many connections there may be.
    /// - Returns: the positions of those that give way, those held for longest first: no more than others have a claim to.
    static func givingWay<Key>(_ holdings: [Holding<Key>], waiting: [Key: Int], limit: Int) -> [Int] {
        guard !waiting.isEmpty else { return [] }
        var held: [Key: Int] = [:]
        for holding in holdings { held[holding.key, default: 0] += 1 }
        let clients = held.count + waiting.keys.count { held[$0] == nil }
        let share = max(1, limit / max(1, clients))
        var wanted = 0
        for (key, count) in waiting { wanted += min(count, max(0, share - (held[key] ?? 0))) }
        guard wanted > 0 else { return [] }
        let candidates = holdings.indices
            .filter { holdings[$0].isSlow && (held[holdings[$0].key] ?? 0) > share }
            .sorted { (holdings[$0].since, $0) < (holdings[$1].since, $1) }
        var result: [Int] = []
        for index in candidates where result.count < wanted {
            let key = holdings[index].key
            guard let count = held[key], count > share else { continue }
            held[key] = count - 1
            result.append(index)
        }
        return result
    }
}

/// How fast bytes pass, in either direction, between a client and the connection to an upstream that it holds. Pure.
struct Pace {
    /// Bytes in a second: what passes less keeps the connection waiting. About what a mobile line of the nineties does.
    static let least: Int64 = 8192
    /// What is so young is not judged.
    private static let grace = TimeAmount.seconds(1)
    /// What came before is forgotten, however much it was.
    private static let window = TimeAmount.seconds(2)

    private var start: NIODeadline
    private var bytes: Int64 = 0
    private var wasSlow = false

    init(_ now: NIODeadline) { start = now }

    mutating func passed(_ count: Int) { bytes += Int64(count) }

    mutating func isSlow(_ now: NIODeadline) -> Bool {
        let time = now - start
        guard time >= Self.grace else { return wasSlow }
        wasSlow = Double(bytes) < Double(Self.least) * Double(time.nanoseconds) / 1e9
        if time >= Self.window {
            start = now
            bytes = 0
        }
        return wasSlow
    }
}

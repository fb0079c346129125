import NIOCore

/// Decides which connections to an endpoint to take away when none are left and requests wait. Performs no I/O.
///
/// A client's fair share is an equal division among the clients that hold or want a connection. A client above its
/// share loses connections, but only those that are waiting for the client itself: on the others the service is
/// working.
enum FairShare {
    struct Holding<Key: Hashable> {
        let key: Key
        /// Whether the client sends or reads so little that the connection mostly waits for it.
        let isSlow: Bool
        let since: NIODeadline
    }

    /// - Parameters:
    ///   - waiting: the number of waiting requests per client.
    ///   - limit: the most connections.
    /// - Returns: the positions to take away, the longest held first; no more than others are entitled to.
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

/// The rate of bytes in either direction on a client's upstream connection. Performs no I/O.
struct Pace {
    /// In bytes per second. Below it, the client keeps the connection waiting.
    static let least: Int64 = 8192
    /// Younger measurements are not judged.
    private static let grace = TimeAmount.seconds(1)
    /// Older traffic is forgotten, however much it was.
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

import MartletSystem

/// The text of a statement as a key, hashed and compared by its bytes.
struct StatementText: Hashable {
    let bytes: [UInt8]

    static func == (left: Self, right: Self) -> Bool {
        left.bytes.count == right.bytes.count
            && left.bytes.withUnsafeBytes { left in
                right.bytes.withUnsafeBytes { right in
                    guard let start = left.baseAddress, let other = right.baseAddress else { return true }
                    return start == other || memcmp(start, other, left.count) == 0
                }
            }
    }

    func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

/// A least-recently-used cache of prepared statements.
struct StatementCache<Key: Hashable, Statement: AnyObject> {
    private final class Entry {
        let statement: Statement
        var lastUse: UInt64

        init(_ statement: Statement, _ lastUse: UInt64) {
            self.statement = statement
            self.lastUse = lastUse
        }
    }

    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func find(_ key: Key) -> Statement? {
        guard let entry = entries[key] else { return nil }
        uses += 1
        entry.lastUse = uses
        return entry.statement
    }

    /// - Returns: the evicted statement, if any.
    mutating func insert(_ statement: Statement, for key: Key) -> Statement? {
        var evicted: Statement?
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            evicted = entries.removeValue(forKey: oldest.key)?.statement
        }
        uses += 1
        entries[key] = Entry(statement, uses)
        return evicted
    }

    mutating func remove(_ key: Key) { entries[key] = nil }
    mutating func removeAll() { entries = [:] }
}

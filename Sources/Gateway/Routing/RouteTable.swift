import MartletCore
/// Finds the route for a path: an exact match first, else the longest prefix that ends at a segment boundary. Among
/// routes with the same path, the most specific one that accepts the request wins.
///
/// A hash of the path is computed during the scan and looked up at each segment boundary. The cost depends only on the
/// length of the path, not on the number of routes.
struct RouteTable: Sendable {
    private struct Entry: Sendable {
        let hash: UInt64
        let path: [UInt8]
        /// Routes for exactly this path, in the order in which they are tried.
        var exact: [Int] = []
        /// Routes for this path and everything below it.
        var prefix: [Int] = []
    }

    private var entries: [Entry] = []
    /// An open-addressing hash table with at least twice as many slots as entries; -1 marks a free slot.
    private var slots: [Int32]
    private let mask: Int
    /// The most prefixes of one path that can match. Longer chains have no practical use.
    private static let depth = 64

    /// - Parameter keys: the routes' keys, in the order of the configuration.
    init(_ keys: [RouteKey]) {
        var size = 8
        while size < keys.count * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        mask = size - 1
        for index in keys.indices.sorted(by: { (keys[$1].demands, $0) < (keys[$0].demands, $1) }) {
            let key = keys[index]
            let hash = key.path.reduce(Self.seed, Self.mix)
            let slot = slot(hash) { key.path == $0 }
            if slots[slot] < 0 {
                slots[slot] = Int32(entries.count)
                entries.append(Entry(hash: hash, path: key.path))
            }
            let entry = Int(slots[slot])
            if key.isPrefix { entries[entry].prefix.append(index) } else { entries[entry].exact.append(index) }
        }
    }

    /// The index of the matching route among the keys given at initialization.
    /// - Parameters:
    ///   - path: a normalized path.
    ///   - accepts: whether the route accepts the request apart from its path.
    func match(_ path: UnsafeRawBufferPointer, where accepts: (Int) -> Bool) -> Int? {
        guard !entries.isEmpty else { return nil }
        return withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.depth) { prefixes in
            var count = 0
            func push(_ entry: Int?) {
                guard let entry, !entries[entry].prefix.isEmpty, count < Self.depth else { return }
                prefixes[count] = entry
                count += 1
            }
            push(find(Self.seed, path, 0))
            var hash = Self.seed
            var index = 0
            while index < path.count {
                let byte = path[index]
                if byte == ASCII.slash, index > 0 { push(find(hash, path, index)) }
                // A trailing slash ends a segment but is not hashed, as it is not part of the path.
                if byte == ASCII.slash, index == path.count - 1 { break }
                hash = Self.mix(hash, byte)
                index += 1
            }
            // An empty path is the root, which was tried above.
            if index > 0, let whole = find(hash, path, index) {
                for route in entries[whole].exact where accepts(route) { return route }
                // With a trailing slash it is already on the stack.
                if count == 0 || prefixes[count - 1] != whole { push(whole) }
            } else if index == 0, let root = find(hash, path, 0) {
                for route in entries[root].exact where accepts(route) { return route }
            }
            while count > 0 {
                count -= 1
                for route in entries[prefixes[count]].prefix where accepts(route) { return route }
            }
            return nil
        }
    }

    private func find(_ hash: UInt64, _ path: UnsafeRawBufferPointer, _ count: Int) -> Int? {
        let slot = slot(hash) { $0.count == count && path.prefix(count).elementsEqual($0) }
        return slots[slot] < 0 ? nil : Int(slots[slot])
    }

    /// The slot of the entry with this hash for which `isEqual` holds, or a free one.
    @inline(__always)
    private func slot(_ hash: UInt64, _ isEqual: ([UInt8]) -> Bool) -> Int {
        var slot = Int(truncatingIfNeeded: hash ^ hash >> 29) & mask
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, isEqual(entry.path) { break }
            slot = (slot + 1) & mask
        }
        return slot
    }

    /// FNV-1a. The table holds only what the operator configured, so collisions cannot be provoked into it.
    private static let seed = Hash64.seed
    @inline(__always)
    private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 { Hash64.step(hash, byte) }
}

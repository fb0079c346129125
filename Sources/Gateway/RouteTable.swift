/// Finds the route of a path: the exact one, or the one with the longest prefix that ends at a segment's end.
///
/// A hash of the path runs along with the scan and is looked up at every segment's end, so the cost depends on the
/// path's length alone and not on how many routes there are.
struct RouteTable: Sendable {
    private struct Entry: Sendable {
        let hash: UInt64
        let path: [UInt8]
        var exact: Int?
        var prefix: Int?
    }

    private var entries: [Entry] = []
    /// Open addressing; -1 is free. Holds at least twice as many slots as entries.
    private var slots: [Int32]
    private let mask: Int

    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for a path that cannot match or comes twice.
    init(_ matches: [GatewayConfiguration.Route.Match]) throws(GatewayError) {
        var size = 8
        while size < matches.count * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        mask = size - 1
        for (index, match) in matches.enumerated() {
            let (path, isPrefix) =
                switch match {
                case .exact(let path): (path, false)
                case .prefix(let path): (path, true)
                }
            let bytes = try Self.normalForm(path)
            let hash = bytes.reduce(Self.seed, Self.mix)
            let slot = slot(hash) { bytes == $0 }
            if slots[slot] < 0 {
                slots[slot] = Int32(entries.count)
                entries.append(Entry(hash: hash, path: bytes))
            }
            let entry = Int(slots[slot])
            guard (isPrefix ? entries[entry].prefix : entries[entry].exact) == nil else {
                throw .invalidConfiguration("routes: '\(path)' comes twice")
            }
            if isPrefix { entries[entry].prefix = index } else { entries[entry].exact = index }
        }
    }

    /// The index of the route among those given at the start.
    /// - Parameter path: in its normal form.
    func match(_ path: UnsafeRawBufferPointer) -> Int? {
        guard !entries.isEmpty else { return nil }
        var best = find(Self.seed, path, 0)?.prefix
        var hash = Self.seed
        var index = 0
        while index < path.count {
            let byte = path[index]
            if byte == ASCII.slash, index > 0, let prefix = find(hash, path, index)?.prefix { best = prefix }
            // The slash at the end is not part of the path, so it ends a segment but is not hashed.
            if byte == ASCII.slash, index == path.count - 1 { break }
            hash = Self.mix(hash, byte)
            index += 1
        }
        guard let whole = find(hash, path, index) else { return best }
        return whole.exact ?? whole.prefix ?? best
    }

    private func find(_ hash: UInt64, _ path: UnsafeRawBufferPointer, _ count: Int) -> Entry? {
        let slot = slot(hash) { $0.count == count && path.prefix(count).elementsEqual($0) }
        return slots[slot] < 0 ? nil : entries[Int(slots[slot])]
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
    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325
    @inline(__always)
    private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    /// Without the slash at the end: the root is the empty path.
    private static func normalForm(_ path: String) throws(GatewayError) -> [UInt8] {
        let bytes = Array(path.utf8)
        let isValid = bytes.withUnsafeBytes { raw in
            guard raw.first == ASCII.slash,
                let target = try? RequestTarget(raw, ByteRange(0, raw.count), method: .get)
            else { return false }
            return target.rewrittenPath.map { $0 == bytes } ?? true && target.query.isEmpty
        }
        guard isValid else { throw .invalidConfiguration("routes: '\(path)' is not a path in its normal form") }
        return bytes.last == ASCII.slash ? bytes.dropLast() : bytes
    }
}

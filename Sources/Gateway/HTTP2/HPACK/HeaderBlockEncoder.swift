import NIOCore
import NIOHPACK

/// Encodes header blocks (RFC 7541 §6) with a table of at most 4 KiB, whatever the peer allows: a larger table would
/// make the gateway store and search more.
struct HeaderBlockEncoder {
    /// Longer values are not indexed, as they would evict too much.
    static let longestKept = 512

    private(set) var table = HeaderTable()
    /// The table sizes set by the peer since the last block: the smallest and the last.
    private var change: (smallest: Int, last: Int)?

    /// Applies the peer's SETTINGS_HEADER_TABLE_SIZE.
    mutating func setLimit(_ value: Int) {
        let limit = min(HeaderTable.maximumSize, max(0, value))
        let smallest = min(change?.smallest ?? limit, limit)
        guard limit != table.limit || change != nil else { return }
        change = (smallest, limit)
        table.setLimit(smallest)
        table.setLimit(limit)
    }

    mutating func encode(_ headers: HPACKHeaders, to out: inout ByteBuffer) {
        if let change {
            // RFC 7541 §4.2.
            if change.smallest < change.last { Self.write(change.smallest, prefix: 5, 0x20, to: &out) }
            Self.write(change.last, prefix: 5, 0x20, to: &out)
            self.change = nil
        }
        for (name, value, indexing) in headers {
            encode(HeaderField(name: Array(name.utf8), value: HTTP2Text.bytes(value)), indexing, to: &out)
        }
    }

    private mutating func encode(_ field: HeaderField, _ indexing: HPACKIndexing, to out: inout ByteBuffer) {
        let isKept = indexing == .indexable && field.value.count <= Self.longestKept
        let match = table.find(field, searches: isKept)
        let name: Int
        switch match {
        case .whole(let index) where indexing != .neverIndexed:
            return Self.write(index, prefix: 7, 0x80, to: &out)
        case .whole(let index), .name(let index): name = index
        case .none: name = 0
        }
        if isKept {
            Self.write(name, prefix: 6, 0x40, to: &out)
        } else {
            Self.write(name, prefix: 4, indexing == .neverIndexed ? 0x10 : 0, to: &out)
        }
        if name == 0 { Self.write(field.name, to: &out) }
        Self.write(field.value, to: &out)
        if isKept { table.add(field) }
    }

    /// RFC 7541 §5.1.
    static func write(_ value: Int, prefix: Int, _ pattern: UInt8, to out: inout ByteBuffer) {
        let mask = 1 << prefix - 1
        guard value >= mask else {
            out.writeInteger(pattern | UInt8(truncatingIfNeeded: value))
            return
        }
        out.writeInteger(pattern | UInt8(truncatingIfNeeded: mask))
        var rest = value - mask
        while rest >= 0x80 {
            out.writeInteger(UInt8(truncatingIfNeeded: rest & 0x7F | 0x80))
            rest >>= 7
        }
        out.writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    private static func write(_ string: [UInt8], to out: inout ByteBuffer) {
        let length = HuffmanCode.encodedLength(string)
        if length < string.count {
            write(length, prefix: 7, 0x80, to: &out)
            HuffmanCode.encode(string, to: &out)
        } else {
            write(string.count, prefix: 7, 0, to: &out)
            out.writeBytes(string)
        }
    }

    /// Writes a block that can be decoded without a table, with values encoded by ``HTTP2Text``.
    static func writePlain(_ fields: [HeaderField], to out: inout ByteBuffer) {
        for field in fields {
            out.writeInteger(UInt8(0))
            for part in [field.name, field.value] {
                write(HTTP2Text.length(part), prefix: 7, 0, to: &out)
                HTTP2Text.write(part, to: &out)
            }
        }
    }
}

import NIOCore

/// Decodes header blocks (RFC 7541 §6) as bytes: values need not be UTF-8 (RFC 9110 §5.5).
struct HeaderBlockDecoder {
    enum Failure: Error, Equatable {
        /// The tables of the two sides differ now, so later blocks cannot be decoded.
        case malformed
        /// The section is larger than announced.
        case tooLarge
    }

    /// The largest section as defined in RFC 9113 §6.5.2: its bytes plus 32 per field.
    let limit: Int
    private(set) var table = HeaderTable()

    init(limit: Int) { self.limit = limit }

    /// - Parameter block: the joined payload of all frames of the section.
    mutating func decode(_ block: UnsafeRawBufferPointer) throws(Failure) -> [HeaderField] {
        var reader = Reader(bytes: block)
        var fields: [HeaderField] = []
        fields.reserveCapacity(16)
        var size = 0
        var updates = 0
        while let first = reader.peek {
            let field: HeaderField
            switch first {
            case 0x80...:
                guard let found = table[try reader.integer(prefix: 7)] else { throw .malformed }
                field = found
            case 0x40...:
                field = try literal(&reader, prefix: 6)
                table.add(field)
            case 0x20...:
                // RFC 7541 §4.2: only at the start of a block, at most twice.
                updates += 1
                let size = try reader.integer(prefix: 5)
                guard fields.isEmpty, updates <= 2, size <= HeaderTable.maximumSize else { throw .malformed }
                table.setLimit(size)
                continue
            default:
                field = try literal(&reader, prefix: 4)
            }
            size += field.size
            guard size <= limit else { throw .tooLarge }
            fields.append(field)
        }
        return fields
    }

    private func literal(_ reader: inout Reader, prefix: Int) throws(Failure) -> HeaderField {
        let index = try reader.integer(prefix: prefix)
        let name: [UInt8]
        if index > 0 {
            guard let found = table[index] else { throw .malformed }
            name = found.name
        } else {
            name = try reader.string()
            guard !name.isEmpty else { throw .malformed }
        }
        return HeaderField(name: name, value: try reader.string())
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var position = 0

        var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func next() throws(Failure) -> UInt8 {
            guard position < bytes.count else { throw .malformed }
            position += 1
            return bytes[position - 1]
        }

        /// RFC 7541 §5.1; accepts at most four bytes after the prefix.
        mutating func integer(prefix: Int) throws(Failure) -> Int {
            let mask = UInt8(truncatingIfNeeded: 1 << prefix - 1)
            var value = Int(try next() & mask)
            guard value == Int(mask) else { return value }
            for shift in [0, 7, 14, 21] {
                let byte = try next()
                value += Int(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
            }
            throw .malformed
        }

        /// RFC 7541 §5.2.
        mutating func string() throws(Failure) -> [UInt8] {
            guard let first = peek else { throw .malformed }
            let count = try integer(prefix: 7)
            guard count <= bytes.count - position else { throw .malformed }
            let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
            position += count
            guard first & 0x80 != 0 else { return Array(slice) }
            guard let decoded = HuffmanCode.decode(slice) else { throw .malformed }
            return decoded
        }
    }
}

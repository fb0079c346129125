/// Converts Swift names to the names in JSON, queries and columns: `createdAt` becomes `created_at`.
///
/// A run of capitals is one word. If a small letter follows, the last capital starts the next word: `imageURL` becomes
/// `image_url`, `imageURLPath` becomes `image_url_path`. Only `A` to `Z` are capitals.
public enum SnakeCase {
    /// Calls `body` with the bytes of the name in snake case, in one pass.
    @inlinable
    public static func forEachByte(of name: some Sequence<UInt8>, _ body: (UInt8) -> Void) {
        var rest = name.makeIterator()
        var current = rest.next()
        // No underscore is added at the start of a name or after another underscore.
        var endsWord = false
        var endsCapitals = false
        while let byte = current {
            let next = rest.next()
            if isCapital(byte) {
                let startsWord = endsCapitals && next.map(isSmall) == true
                if endsWord || startsWord { body(UInt8(ascii: "_")) }
                body(byte | 0x20)
                endsCapitals = true
                endsWord = false
            } else {
                body(byte)
                endsCapitals = false
                endsWord = byte != UInt8(ascii: "_")
            }
            current = next
        }
    }

    /// Whether the name in snake case equals the text. Does not allocate.
    @inlinable
    public static func isEqual(_ name: some Sequence<UInt8>, _ text: some Sequence<UInt8>) -> Bool {
        var rest = text.makeIterator()
        var isSame = true
        forEachByte(of: name) { byte in if isSame { isSame = rest.next() == byte } }
        return isSame && rest.next() == nil
    }

    @inlinable
    static func isCapital(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "A") < 26 }

    @inlinable
    static func isSmall(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }
}

extension String {
    /// The name in snake case; see ``SnakeCase``.
    public var snakeCased: String {
        guard utf8.contains(where: SnakeCase.isCapital) else { return self }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count + 4)
        SnakeCase.forEachByte(of: utf8) { bytes.append($0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

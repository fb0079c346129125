/// The bytes of a Swift name in snake case, as names are written in JSON, queries and columns: `createdAt` becomes
/// `created_at`. Creates no strings.
///
/// A run of capitals is one word. Its last letter starts the next word if a small letter follows: `imageURL` becomes
/// `image_url`, and `imageURLPath` becomes `image_url_path`. Only `A` to `Z` are capitals.
public struct SnakeCase<Name: Sequence<UInt8>>: Sequence, IteratorProtocol {
    @usableFromInline var rest: Name.Iterator
    @usableFromInline var current: UInt8?
    /// The letter after an underscore that was returned.
    @usableFromInline var pending: UInt8?
    @usableFromInline var followsWord = false
    @usableFromInline var followsCapital = false

    @inlinable
    public init(_ name: Name) {
        rest = name.makeIterator()
        current = rest.next()
    }

    @inlinable
    public mutating func next() -> UInt8? {
        if let letter = pending {
            pending = nil
            return letter
        }
        guard let byte = current else { return nil }
        current = rest.next()
        guard byte &- UInt8(ascii: "A") < 26 else {
            followsCapital = false
            // No underscore is added at the beginning of a name or after an underscore.
            followsWord = byte != UInt8(ascii: "_")
            return byte
        }
        let small = byte | 0x20
        let startsWord = followsWord || followsCapital && current.map { $0 &- UInt8(ascii: "a") < 26 } == true
        followsWord = false
        followsCapital = true
        guard startsWord else { return small }
        pending = small
        return UInt8(ascii: "_")
    }
}

extension String {
    /// The name in snake case; see ``SnakeCase``.
    public var snakeCased: String {
        guard utf8.contains(where: { $0 &- UInt8(ascii: "A") < 26 }) else { return self }
        return String(decoding: Array(SnakeCase(utf8)), as: UTF8.self)
    }
}

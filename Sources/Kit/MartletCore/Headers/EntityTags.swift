/// The elements of `If-Match` and `If-None-Match` (RFC 9110 §13.1), read byte by byte in one pass.
public struct EntityTags<Bytes: Collection<UInt8>>: Sequence, IteratorProtocol {
    public enum Element {
        /// `*`
        case any
        /// A tag (RFC 9110 §8.8.3). `opaque` includes the quotes but not the `W/` of a weak tag.
        case tag(opaque: Bytes.SubSequence, isWeak: Bool)
        /// Anything else, up to the next comma.
        case malformed(Bytes.SubSequence)
    }

    private var rest: Bytes.SubSequence

    public init(_ value: Bytes) { rest = value[...] }

    public mutating func next() -> Element? {
        rest = rest.drop { $0 == UInt8(ascii: ",") || Self.isBlank($0) }
        guard let first = rest.first else { return nil }
        let isWeak = first == UInt8(ascii: "W") && rest.dropFirst().first == UInt8(ascii: "/")
        let opaque = isWeak ? rest.dropFirst(2) : rest
        // A comma within the quotes belongs to the tag.
        if opaque.first == UInt8(ascii: "\""), let quote = opaque.dropFirst().firstIndex(of: UInt8(ascii: "\"")) {
            let end = opaque.index(after: quote)
            rest = rest[end...]
            return .tag(opaque: opaque[..<end], isWeak: isWeak)
        }
        let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
        let element = rest[..<end].prefix { !Self.isBlank($0) }
        rest = rest[end...]
        return element.elementsEqual("*".utf8) ? .any : .malformed(element)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}

extension EntityTags where Bytes == String.UTF8View {
    /// Whether a list contains a tag or is `*`. Tags are compared as bytes, because a Unicode comparison costs more
    /// than in proportion to the length.
    /// - Parameter isStrong: whether weak tags never match. Otherwise weak and strong tags are compared alike
    ///   (§8.8.3.2).
    public static func contain(_ list: String, _ tag: String, isStrong: Bool) -> Bool {
        var tags = Self(tag.utf8)
        let wanted = tags.next()
        return Self(list.utf8).contains { element in
            switch (element, wanted) {
            case (.any, _): true
            case (.tag(let one, let isWeak), .tag(let other, let isOtherWeak)?):
                !(isStrong && (isWeak || isOtherWeak)) && one.elementsEqual(other)
            // Some servers omit the quotes.
            case (.malformed(let one), .malformed(let other)?): one.elementsEqual(other)
            default: false
            }
        }
    }
}

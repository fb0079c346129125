/// A set of ASCII bytes with a constant-time lookup; bytes from 0x80 up are in no set.
///
/// The words are literals so that the sets are compile-time constants without lazy initialization. `ASCIISetTests`
/// compares them with the characters in the RFCs.
struct ASCIISet: Sendable {
    let low: UInt64
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (word &>> UInt64(byte & 0x3F)) & 1 != 0
    }

    /// `tchar` of RFC 9110 §5.6.2: for methods and field names.
    static let token = ASCIISet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    /// `pchar` of RFC 3986 §3.3 without percent-encoding: the characters allowed in a path segment.
    static let pathCharacter = ASCIISet(low: 0x2FFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    /// The characters accepted in a query. More than RFC 3986 allows: browsers send `[ ] { } | ^` and others unencoded
    /// (the WHATWG URL standard's query set), and none of these changes where the query starts or ends.
    static let queryCharacter = ASCIISet(low: 0xAFFF_FFD2_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF)
    /// Characters of a target that need no further check: path characters, the slash and the question mark.
    static let plainTarget = ASCIISet(low: 0xAFFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    /// Characters to percent-encode in a path instead of refusing it. Excludes `\`, `#` and the space, whose meaning is
    /// ambiguous.
    static let encodedInPath = ASCIISet(low: 0x5000_0004_0000_0000, high: 0x3800_0001_6800_0000)
    /// The same for a query.
    static let encodedInQuery = ASCIISet(low: 0x5000_0004_0000_0000, high: 0)
    /// `unreserved` of RFC 3986 §2.3, also the characters accepted in a host name.
    static let unreserved = ASCIISet(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    /// The characters accepted in a client's request id.
    static let requestID = ASCIISet(low: 0x03FF_6000_0000_0000, high: 0x07FF_FFFE_87FF_FFFE)
    /// The characters between the brackets of an IPv6 address.
    static let addressLiteral = ASCIISet(low: 0x07FF_4000_0000_0000, high: 0x0000_007E_0000_007E)
    /// The characters with an HPACK Huffman code of at most eight bits (RFC 7541, appendix B).
    static let shortHuffmanCode = ASCIISet(low: 0x2FFF_F461_0000_0000, high: 0x07FF_FFFE_87FF_FFFE)
}

/// Bytes with a meaning in the HTTP grammar.
enum ASCII {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let percent: UInt8 = 0x25
    static let comma: UInt8 = 0x2C
    static let hyphen: UInt8 = 0x2D
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let nine: UInt8 = 0x39
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let questionMark: UInt8 = 0x3F
    static let leftBracket: UInt8 = 0x5B
    static let rightBracket: UInt8 = 0x5D
    static let underscore: UInt8 = 0x5F

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}

/// A half-open range of byte offsets, in 8 bytes: heads and lines are far smaller than 4 GiB.
struct ByteRange: Equatable, Sendable {
    private let lower: UInt32
    private let upper: UInt32

    init(_ start: Int, _ end: Int) {
        lower = UInt32(clamping: start)
        upper = UInt32(clamping: max(start, end))
    }

    var start: Int { Int(lower) }
    var end: Int { Int(upper) }
    var count: Int { end - start }
    var isEmpty: Bool { lower == upper }
}

extension UnsafeRawBufferPointer {
    /// The bytes of the range; empty when the range is out of bounds.
    @inline(__always)
    func slice(_ range: ByteRange) -> UnsafeRawBufferPointer {
        guard range.end <= count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: self[range.start..<range.end])
    }

    /// Whether these bytes equal `text`, ignoring case. `text` must be lower-case.
    @inline(__always)
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for index in 0..<count where ASCII.lowercased(self[index]) != text.utf8Start[index] { return false }
        return true
    }

    /// Whether these bytes start with `text`, ignoring case. `text` must be lower-case.
    @inline(__always)
    func hasPrefixIgnoringCase(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where ASCII.lowercased(self[index]) != text.utf8Start[index] {
            return false
        }
        return true
    }
}

/// A name from outside, compared and hashed as the bytes it is made of.
///
/// `String` compares by canonical equivalence: it normalizes both sides, which takes quadratic time for long runs of
/// combining marks. Names of JSON members and of query parameters are sequences of code units (RFC 8259 §8.3), so their
/// bytes are all there is to compare.
public struct MemberName: Hashable, Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (left: Self, right: Self) -> Bool { left.text.isExactly(right.text) }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// The member names of one object as it is read, to find a name that is given twice.
///
/// The first names are compared one by one, which is faster than hashing for the small objects that most are; so a name
/// costs at most ``scanned`` comparisons.
struct MemberNames {
    static let scanned = 16

    private var first: [String] = []
    private var all: Set<MemberName> = []
    /// How many names have been compared or hashed.
    private(set) var comparisons = 0

    /// - Returns: false for a name that is there already.
    mutating func insert(_ name: String) -> Bool {
        if first.count < Self.scanned {
            for known in first {
                comparisons += 1
                if known.isExactly(name) { return false }
            }
            first.append(name)
            return true
        }
        if all.isEmpty { all = Set(first.map(MemberName.init)) }
        comparisons += 1
        return all.insert(MemberName(name)).inserted
    }
}

extension StringProtocol {
    /// Whether two texts are the same bytes: how texts from outside are compared, see ``MemberName``.
    @inlinable
    public func isExactly(_ other: some StringProtocol) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}

extension String {
    /// The text as a message may repeat it: cut to a number of bytes, with `…` in place of what is missing.
    ///
    /// A `Character` has no greatest length, so `prefix(_:)` would bound nothing.
    public func clipped(toUTF8 maximum: Int = 64) -> String {
        guard utf8.count > maximum else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: maximum)
        while end > utf8.startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end]) + "…"
    }
}

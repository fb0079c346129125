/// A client-supplied name, compared and hashed by its bytes.
///
/// `String` compares by canonical equivalence: it normalizes both sides, which takes quadratic time for long runs of
/// combining marks. JSON member names are compared code unit by code unit (RFC 8259 §8.3), and so are the names of
/// query parameters.
public struct MemberName: Hashable, Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (left: Self, right: Self) -> Bool { left.text.isExactly(right.text) }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// The member names read so far in one object, used to detect duplicates.
///
/// The first ``scanned`` names are compared one by one, which is faster than hashing for small objects; later names are
/// hashed. A name therefore costs at most ``scanned`` comparisons.
struct MemberNames {
    static let scanned = 16

    private var first: [String] = []
    private var all: Set<MemberName> = []
    /// The number of names compared or hashed.
    private(set) var comparisons = 0

    /// - Returns: false for a duplicate.
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
    /// Whether two texts have the same bytes. Compare client-supplied texts this way; see ``MemberName``.
    @inlinable
    public func isExactly(_ other: some StringProtocol) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}

extension String {
    /// The text shortened for a message: at most `maximum` bytes of UTF-8, followed by `…` if it was cut.
    ///
    /// A `Character` has no maximum length, so `prefix(_:)` would not bound the result.
    public func clipped(toUTF8 maximum: Int = 64) -> String {
        guard utf8.count > maximum else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: maximum)
        while end > utf8.startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end]) + "…"
    }
}

/// A resource that is a new version after every change, told by the moment of its last one.
public protocol Versioned {
    /// Strictly later after every change: see ``Timestamp/next(after:)``.
    var updatedAt: Timestamp { get }
    /// What a representation shows beside the version, such as the last sign-in: another one is another entity tag, and
    /// the same version. Letters and digits.
    var representation: String? { get }
}

extension Versioned {
    public var representation: String? { nil }

    /// What `If-Match` compares.
    var version: String { String(updatedAt.microseconds, radix: 36) }

    /// The strong validator of RFC 9110 §8.8.3, with its quotes.
    public var entityTag: String { "\"\(version)\(representation.map { "-" + $0 } ?? "")\"" }
}

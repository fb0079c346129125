/// A resource whose version is the time of its last change.
public protocol Versioned {
    /// Strictly later after every change: see ``Timestamp/next(after:)``.
    var updatedAt: Timestamp { get }
    /// A part of the representation that changes without a new version, such as the last sign-in. It changes the entity
    /// tag but not the version. Letters and digits only.
    var representation: String? { get }
}

extension Versioned {
    public var representation: String? { nil }

    /// The version that `If-Match` is compared with.
    var version: String { String(updatedAt.microseconds, radix: 36) }

    /// The strong validator of RFC 9110 §8.8.3, with its quotes.
    public var entityTag: String { "\"\(version)\(representation.map { "-" + $0 } ?? "")\"" }
}

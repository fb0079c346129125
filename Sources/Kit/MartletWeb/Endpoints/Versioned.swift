public import MartletCore

/// A resource that is a new version after every change, told by the moment of its last one.
public protocol Versioned {
    /// Strictly later after every change: see ``Timestamp/next(after:)``.
    var updatedAt: Timestamp { get }
    /// The strong validator of RFC 9110 §8.8.3, with its quotes; made of the moment unless the type says otherwise.
    var entityTag: String { get }
}

extension Versioned {
    public var entityTag: String { "\"\(String(updatedAt.microseconds, radix: 36))\"" }
}

/// What the client's `If-Match` demands (RFC 9110 §13.1.1).
public struct Precondition: Sendable {
    /// nil without the header.
    private let accepted: [Substring]?

    public static let none = Precondition(ifMatch: nil)

    init(ifMatch: String?) {
        accepted = ifMatch.map { value in
            value.split(separator: ",").map { part in
                part.drop { $0 == " " }.prefix { $0 != " " }
            }
        }
    }

    /// Call it inside the transaction that makes the change, on the row as the transaction sees it.
    /// - Throws: ``Problem/preconditionFailed`` when the resource is another version than the client has seen.
    public func require(_ current: some Versioned) throws(Problem) {
        guard let accepted else { return }
        guard accepted.contains("*") || accepted.contains(current.entityTag[...]) else { throw .preconditionFailed }
    }
}

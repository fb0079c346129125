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

extension Timestamp {
    /// Now, or just after `previous` where the clock has not moved on (or was set back), so that versions differ.
    public func next(after previous: Timestamp) -> Timestamp {
        max(self, Timestamp(microseconds: previous.microseconds + 1))
    }
}

/// What the client's `If-Match` demands (RFC 9110 §13.1.1).
public struct Precondition: Sendable {
    /// nil without the header.
    private let accepted: [String]?

    public static let none = Precondition(ifMatch: nil)

    init(ifMatch: String?) {
        accepted = ifMatch.map { HeaderText.parts($0, separatedBy: ",") }
    }

    /// Call it inside the transaction that makes the change, on the row as the transaction sees it.
    /// - Throws: ``Problem/preconditionFailed`` when the resource is another version than the client has seen.
    public func require(_ current: some Versioned) throws(Problem) {
        guard let accepted else { return }
        let tag = current.entityTag
        guard accepted.contains(where: { MemberName.isSame($0, "*") || MemberName.isSame($0, tag) }) else {
            throw .preconditionFailed
        }
    }
}

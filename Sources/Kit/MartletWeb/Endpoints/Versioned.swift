public import MartletCore

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

/// The precondition in the client's `If-Match` header (RFC 9110 §13.1.1).
public struct Precondition: Sendable {
    /// nil without the header.
    private let accepted: [String]?

    public static let none = Precondition(ifMatch: nil)

    init(ifMatch: String?) {
        accepted = ifMatch.map { HeaderText.parts($0, separatedBy: ",") }
    }

    /// Checks the precondition. Call it inside the transaction that makes the change, with the row as read there.
    /// - Throws: ``Problem/preconditionFailed`` when the resource is not a version that the client accepts.
    public func require(_ current: some Versioned) throws(Problem) {
        guard let accepted else { return }
        let version = current.version
        let isAccepted = accepted.contains { tag in
            if tag.isExactly("*") { return true }
            guard tag.utf8.first == UInt8(ascii: "\""), tag.utf8.last == UInt8(ascii: "\"") else { return false }
            let opaque = tag.dropFirst()
            let end = opaque.utf8.firstIndex { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "\"") }
            return opaque[..<(end ?? opaque.endIndex)].isExactly(version)
        }
        guard isAccepted else { throw .preconditionFailed }
    }
}

public import MartletCore

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

/// The precondition in the client's `If-Match` header (RFC 9110 §13.1.1).
public struct Precondition: Sendable {
    /// nil without the header.
    private let accepted: [String]?

    public static let none = Precondition(ifMatch: nil)

    /// - Parameter ifMatch: the value of the header; nil without it.
    package init(ifMatch: String?) {
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

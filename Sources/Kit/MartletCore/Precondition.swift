/// The precondition in the client's `If-Match` header (RFC 9110 §13.1.1).
public struct Precondition: Sendable {
    /// The value of the header; nil without it.
    private let ifMatch: String?

    public static let none = Precondition(ifMatch: nil)

    /// - Parameter ifMatch: the value of the header; nil without it.
    package init(ifMatch: String?) { self.ifMatch = ifMatch }

    /// Checks the precondition. Call it inside the transaction that makes the change, with the row as read there.
    /// - Throws: ``Problem/preconditionFailed`` when the resource is not a version that the client accepts.
    public func require(_ current: some Versioned) throws(Problem) {
        guard let ifMatch else { return }
        let version = current.version.utf8
        let isAccepted = EntityTags(ifMatch.utf8).contains { element in
            switch element {
            case .any: true
            // The part after a hyphen is the representation, which is not part of the version.
            case .tag(let opaque, isWeak: false):
                opaque.dropFirst().prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "\"") }.elementsEqual(version)
            case .tag, .malformed: false
            }
        }
        guard isAccepted else { throw .preconditionFailed }
    }
}

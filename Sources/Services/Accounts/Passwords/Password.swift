import MartletCore

/// A password as somebody gives it to prove who they are. Logs do not show it.
struct Password: TextScalar, CustomStringConvertible, CustomDebugStringConvertible {
    static let scalarSchema = ScalarSchema(.string, format: "password", length: 0...maximumLength)
    static let placeholder = Password(NewPassword.placeholder)
    /// More than the policy has ever allowed; it bounds the work of hashing.
    static let maximumLength = 256

    let text: String

    init(_ password: NewPassword) { text = password.text }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try Self.normalized(source)
    }

    /// What keyboards compose differently is the same password. Nothing is cut off and nothing is taken away.
    fileprivate static func normalized(_ source: ScalarSource) throws(ScalarIssue) -> String {
        try NormalizedText.nfkc(source.text(maximumCharacters: maximumLength), maximumCharacters: maximumLength)
    }

    var description: String { "(password)" }
    var debugDescription: String { description }
}

/// A password as somebody chooses it: long enough, and not one that is tried first. Logs do not show it.
struct NewPassword: TextScalar, CustomStringConvertible, CustomDebugStringConvertible {
    static let scalarSchema = ScalarSchema(
        .string, format: "password", length: minimumLength...Password.maximumLength)
    static let placeholder = NewPassword()
    static let minimumLength = 10

    let text: String

    private init() { text = "placeholder" }

    /// Reads a password and holds it to the policy, but for ``requireDissimilar(to:field:)``.
    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try Password.normalized(source)
        let count = text.unicodeScalars.count
        if count < Self.minimumLength {
            throw ScalarIssue(
                "Must have at least \(Self.minimumLength) characters.", code: "password_too_short",
                params: ["min": "\(Self.minimumLength)"])
        }
        if PasswordPolicy.isCommon(text) {
            throw ScalarIssue(
                "Is among the first passwords that are tried. Choose another one.", code: "password_too_common")
        }
    }

    /// - Parameter personal: what others know of the user: the e-mail address, names.
    /// - Throws: ``Problem`` 422.
    func requireDissimilar(to personal: [String], field: String = "password") throws(Problem) {
        guard PasswordPolicy.isSimilar(text, to: personal) else { return }
        throw .invalid(field: field, "Is too much like the e-mail address or a name.", code: "password_too_similar")
    }

    var description: String { "(password)" }
    var debugDescription: String { description }
}

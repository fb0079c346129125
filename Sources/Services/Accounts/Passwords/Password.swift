import MartletCore

/// A password presented to sign in. Its description hides it from logs.
struct Password: TextScalar, CustomStringConvertible, CustomDebugStringConvertible {
    static let scalarSchema = ScalarSchema(.string, format: "password", length: 0...maximumLength)
    static let placeholder = Password(NewPassword.placeholder)
    /// The maximum length in characters. It bounds the work of hashing.
    static let maximumLength = 256

    let text: String

    init(_ password: NewPassword) { text = password.text }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try Self.normalized(source)
    }

    /// Normalizes the password, because keyboards compose characters differently. Neither trims nor truncates it.
    fileprivate static func normalized(_ source: ScalarSource) throws(ScalarIssue) -> String {
        try NormalizedText.nfkc(source.text(maximumCharacters: maximumLength), maximumCharacters: maximumLength)
    }

    var description: String { "(password)" }
    var debugDescription: String { description }
}

/// A new password: long enough and not a common one. Its description hides it from logs.
struct NewPassword: TextScalar, CustomStringConvertible, CustomDebugStringConvertible {
    static let scalarSchema = ScalarSchema(
        .string, format: "password", length: minimumLength...Password.maximumLength)
    static let placeholder = NewPassword()
    static let minimumLength = 10

    let text: String

    private init() { text = "placeholder" }

    /// Reads a password and checks it against the policy, except for ``requireDissimilar(to:field:)``.
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
                "Too common and easy to guess. Choose another password.", code: "password_too_common")
        }
    }

    /// - Parameter personal: personal data that others may know: the e-mail address, names.
    /// - Throws: ``Problem`` 422.
    func requireDissimilar(to personal: [String], field: String = "password") throws(Problem) {
        guard PasswordPolicy.isSimilar(text, to: personal) else { return }
        throw .invalid(field: field, "Too similar to the e-mail address or a name.", code: "password_too_similar")
    }

    var description: String { "(password)" }
    var debugDescription: String { description }
}

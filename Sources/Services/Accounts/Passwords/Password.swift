import Foundation
import MartletCore

/// A password as somebody gives it to prove who they are. Logs do not show it.
struct Password: TextScalar, CustomStringConvertible, CustomDebugStringConvertible {
    static let scalarSchema = ScalarSchema(.string, format: "password")
    static let placeholder = Password(NewPassword.placeholder)
    /// More than the policy has ever allowed; it bounds the work of hashing.
    static let maximumLength = 256

    let text: String

    init(_ password: NewPassword) { text = password.text }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        // What keyboards compose differently is the same password.
        text = try String(reading: source).precomposedStringWithCompatibilityMapping
        guard text.unicodeScalars.count <= Self.maximumLength else { throw .tooLongPassword }
    }

    var description: String { "(password)" }
    var debugDescription: String { description }
}

/// A password as somebody chooses it: long enough, and not one that is tried first. Logs do not show it.
struct NewPassword: TextScalar, CustomStringConvertible, CustomDebugStringConvertible {
    static let scalarSchema = ScalarSchema(.string, format: "password")
    static let placeholder = NewPassword()
    static let minimumLength = 10

    let text: String

    private init() { text = "placeholder" }

    /// Reads a password and holds it to the policy, but for ``requireDissimilar(to:field:)``.
    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try String(reading: source).precomposedStringWithCompatibilityMapping
        let count = text.unicodeScalars.count
        if count < Self.minimumLength {
            throw ScalarIssue(
                "Must have at least \(Self.minimumLength) characters.", code: "password_too_short",
                params: ["min": "\(Self.minimumLength)"])
        }
        guard count <= Password.maximumLength else { throw .tooLongPassword }
        if PasswordPolicy.isCommon(text) {
            throw ScalarIssue("Is among the first that are tried. Choose another one.", code: "password_too_common")
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

extension ScalarIssue {
    fileprivate static let tooLongPassword = ScalarIssue(
        "Must have at most \(Password.maximumLength) characters.", code: "too_long",
        params: ["max": "\(Password.maximumLength)"])
}

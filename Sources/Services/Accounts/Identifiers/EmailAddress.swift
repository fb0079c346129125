import MartletCore

/// An e-mail address as typed, without surrounding white space.
struct EmailAddress: TextScalar {
    static let scalarSchema = ScalarSchema(.string, format: "email", length: 3...254)
    static let placeholder = EmailAddress()

    let text: String

    private init() { text = "nobody@example.com" }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try String(reading: source).tidied
        try Format.email.check(text)
        guard !text.unicodeScalars.contains(where: \.isInvisible) else {
            throw ScalarIssue("Must not contain invisible characters.", code: "invalid_character")
        }
    }

    /// The form for comparison, unique among users.
    var key: String { text.identityKey }
}

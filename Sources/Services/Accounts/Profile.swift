import MartletCore
import MartletWeb

/// A user's profile. Stored as one JSON column, because it is read and written only together with its user.
struct Profile: Codable, Sendable, Described {
    let bio: String
    let birthDate: CivilDate?
    let location: String
    let website: String
    let socialLinks: SocialLinks
    let preferences: Preferences

    static let rules = Rules {
        Rule(CodingKeys.bio, "A short biography.", length: 0...2000, default: "")
        Rule(CodingKeys.birthDate, "The date of birth, not in the future.")
        Rule(CodingKeys.location, "Where the user lives.", length: 0...100, default: "")
        Rule(CodingKeys.website, "The URL of a website.", length: 0...200, format: .webURL, default: "")
        Rule(
            CodingKeys.socialLinks, "URLs by the name of the network. Null removes one.", length: 0...20,
            default: [:])
        Rule(
            CodingKeys.preferences,
            "Data of the client's own, at most 16 KiB of JSON. Null removes a member.",
            default: [:])
    }

    init() {
        bio = ""
        birthDate = nil
        location = ""
        website = ""
        socialLinks = SocialLinks()
        preferences = Preferences()
    }

    /// Checks what rules cannot express: conditions on the current date and on the names in a map.
    /// - Throws: ``Problem`` 422.
    func check(at now: Timestamp) throws(Problem) {
        var errors: [FieldError] = []
        let today = now.description.prefix(10)
        if let birthDate, birthDate.description > today {
            errors.append(
                FieldError(
                    loc: ["body", "profile", "birth_date"], message: "Must not be in the future.", code: "too_large",
                    params: ["max": String(today)]))
        }
        for name in socialLinks.links.keys.sorted() {
            let isTooLong = name.unicodeScalars.count > SocialLinks.maximumNameLength
            guard name.isEmpty || isTooLong || name.unicodeScalars.contains(where: \.isInvisible) else { continue }
            errors.append(
                FieldError(
                    loc: ["body", "profile", "social_links", String(name.prefix(SocialLinks.maximumNameLength))],
                    message: "Invalid name: Must have 1 to \(SocialLinks.maximumNameLength) visible characters.",
                    code: "invalid_format"))
        }
        if !errors.isEmpty { throw .invalid(errors) }
    }
}

/// URLs by the name of the network.
struct SocialLinks: Codable, Sendable {
    static let maximumNameLength = 50

    let links: [String: WebAddress]

    init() { links = [:] }

    /// Drops entries that are null (RFC 7396).
    init(from decoder: any Decoder) throws {
        links = try [String: WebAddress?](from: decoder).compactMapValues { $0 }
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Encodes in a fixed order, so that equal versions of a resource have equal bytes.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (name, link) in links.sorted(by: { $0.key < $1.key }) {
            try container.encode(link.text, forKey: Name(stringValue: name))
        }
    }
}

/// A JSON object for a client's own data.
struct Preferences: Scalar {
    static let maximumBytes = 16 * 1024
    static let scalarSchema = ScalarSchema(.object)
    static let placeholder = Preferences()

    let value: JSONValue

    init() { value = .object([]) }

    /// Drops members that are null (RFC 7396).
    init(reading source: ScalarSource) throws(ScalarIssue) {
        guard case .json(.object(let members)) = source else {
            throw ScalarIssue("Must be an object.", code: "not_an_object")
        }
        value = Self.withoutNulls(.object(members))
        guard value.bytes.count <= Self.maximumBytes else {
            throw ScalarIssue(
                "Must have at most \(Self.maximumBytes) bytes of JSON.", code: "too_long",
                params: ["max": "\(Self.maximumBytes)"])
        }
    }

    private static func withoutNulls(_ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value else { return value }
        return .object(
            members.compactMap { name, value in value == .null ? nil : (name, withoutNulls(value)) })
    }

    init(from decoder: any Decoder) throws { value = try JSONValue(from: decoder) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

import MartletCore

/// A JWK set (RFC 7517 §5).
struct JWKSet {
    /// The maximum length in bytes.
    static let maximumLength = 1 << 20
    /// The maximum number of keys read from a set. An issuer that rotates keys has two or three.
    static let maximumKeys = 100

    /// The keys by `kid`, as bytes: tokens name arbitrary ids, and crafted strings are slow to hash.
    var keys: [[UInt8]?: TokenKey] = [:]
    /// The number of unsupported or invalid members, which are ignored (RFC 7517 §5).
    var ignored = 0

    init() {}

    /// - Throws: when the text is not a JWK set.
    init(_ body: [UInt8]) async throws {
        guard body.count <= Self.maximumLength else { throw Problem.unavailable("The key set is too long.") }
        guard let members = try JSONValue(parsing: body)["keys"]?.arrayValue else {
            throw Problem.unavailable("The key set has no 'keys'.")
        }
        for member in members.prefix(Self.maximumKeys) {
            // A kid must be a string (RFC 7517 §4.5).
            let id = member["kid"].map(\.stringValue)
            if case .some(.none) = id {
                ignored += 1
            } else if let key = try? await TokenKey(member) {
                keys[(id ?? nil).map { Array($0.utf8) }] = key
            } else {
                ignored += 1
            }
        }
        ignored += max(0, members.count - Self.maximumKeys)
    }
}

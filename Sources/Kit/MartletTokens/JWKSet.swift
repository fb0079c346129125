import MartletCore

/// A published set of keys (RFC 7517 §5).
struct JWKSet {
    /// In bytes.
    static let maximumLength = 1 << 20
    /// How many keys are taken from a set; an issuer that rotates has two or three.
    static let maximumKeys = 100

    /// By `kid`, as bytes: what tokens name comes from anybody, and strings that are made for it are slow to hash.
    var keys: [[UInt8]?: TokenKey] = [:]
    /// How many members are of no use here. They are passed over, as the RFC says: others may need them.
    var passedOver = 0

    init() {}

    /// - Throws: when the text is no set at all.
    init(_ body: [UInt8]) async throws {
        guard body.count <= Self.maximumLength else { throw Problem.unavailable("The key set is too long.") }
        guard let members = try JSONValue(parsing: body)["keys"]?.arrayValue else {
            throw Problem.unavailable("The key set has no 'keys'.")
        }
        for member in members.prefix(Self.maximumKeys) {
            // A kid that is no text is no kid.
            let id = member["kid"].map(\.stringValue)
            if case .some(.none) = id {
                passedOver += 1
            } else if let key = try? await TokenKey(member) {
                keys[(id ?? nil).map { Array($0.utf8) }] = key
            } else {
                passedOver += 1
            }
        }
        passedOver += max(0, members.count - Self.maximumKeys)
    }
}

/// Whose JSON Web Tokens are believed (RFC 7519, RFC 8725), sent as bearer tokens (RFC 6750).
public struct TokenIssuer: Sendable, Hashable {
    public enum Algorithm: String, Sendable, CaseIterable {
        case hs256 = "HS256"
        case rs256 = "RS256"
        case es256 = "ES256"
        case eddsa = "EdDSA"
    }

    /// A key that the configuration holds.
    public struct Key: Sendable, Hashable {
        public var algorithm: Algorithm
        /// The `kid` it is for; a key without one serves tokens without one.
        public var id: String?
        /// The secret of HS256, or a public key as PEM.
        public var material: [UInt8]

        public init(_ algorithm: Algorithm, id: String? = nil, material: [UInt8]) {
            self.algorithm = algorithm
            self.id = id
            self.material = material
        }
    }

    /// What `iss` must be; anything when nil.
    public var issuer: String?
    /// What `aud` must be or hold; anything when nil.
    public var audience: String?
    public var keys: [Key] = []
    /// Where the issuer's JWK set (RFC 7517) is.
    public var keySetURL: String?
    /// How far clocks may be apart.
    public var leeway = Duration.seconds(30)
    /// What `typ` must be, in lower case and without `application/` (RFC 8725 §3.11); anything when nil.
    public var type: String?
    /// How far in the future a token may have been made (`iat`); any time when nil.
    public var issueTolerance: Duration?

    public init() {}

    var leewaySeconds: Int64 { max(0, leeway.components.seconds) }
}

/// An issuer of JSON Web Tokens (RFC 7519, RFC 8725) that are accepted as bearer tokens (RFC 6750).
public struct TokenIssuer: Sendable, Hashable {
    public enum Algorithm: String, Sendable, CaseIterable {
        case hs256 = "HS256"
        case rs256 = "RS256"
        case es256 = "ES256"
        case eddsa = "EdDSA"
    }

    /// A key from the configuration.
    public struct Key: Sendable, Hashable {
        public var algorithm: Algorithm
        /// The key's `kid`. A key without one verifies tokens without one.
        public var id: String?
        /// The HS256 secret, or a public key in PEM format.
        public var material: [UInt8]

        public init(_ algorithm: Algorithm, id: String? = nil, material: [UInt8]) {
            self.algorithm = algorithm
            self.id = id
            self.material = material
        }
    }

    /// The required `iss`. Default: any.
    public var issuer: String?
    /// The audience that `aud` must be or contain. Default: any.
    public var audience: String?
    public var keys: [Key] = []
    /// The URL of the issuer's JWK set (RFC 7517).
    public var keySetURL: String?
    /// The accepted clock difference. Default: 30 seconds.
    public var leeway = Duration.seconds(30)
    /// The required `typ`, in lower case and without `application/` (RFC 8725 §3.11). Default: any.
    public var type: String?
    /// How far in the future `iat` may be. Default: no limit.
    public var issueTolerance: Duration?

    public init() {}

    var leewaySeconds: Int64 { max(0, leeway.components.seconds) }
}

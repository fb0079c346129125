import JWTKit
public import MartletCore
public import MartletData
public import MartletWeb

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Replaces Accounts in tests of a single service: publishes one key and signs tokens with it.
public struct TestIssuer: Service {
    public static let name = "issuer"
    public static let summary = "Signs tokens for tests."
    public static let prefixes = ["/.well-known"]
    public static let migrations: [Migration] = []
    public static let issuesTokens = true

    private let key = ES256PrivateKey()
    private let clock: WallClock

    public init(_ platform: Platform, settings: NoSettings) { clock = platform.clock }

    public var routes: [Route] {
        Group("/.well-known", tag: "Keys") { Get("jwks.json", use: keys).public }
    }

    /// The only fields of a public P-256 key (RFC 7518 §6.2.1).
    struct PublicKeys: Output, Codable {
        let keys: [PublicKey]

        struct PublicKey: Codable, Sendable {
            var kty = "EC"
            var crv = "P-256"
            var alg = "ES256"
            var kid = "test"
            let x: String
            let y: String
        }
    }

    @Sendable private func keys(_ context: Context) throws -> PublicKeys {
        guard let parameters = key.publicKey.parameters else { throw Problem.internal }
        return PublicKeys(keys: [.init(x: base64URL(parameters.x), y: base64URL(parameters.y))])
    }

    private func base64URL(_ base64: String) -> String {
        base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Issues an access token.
    public func token(
        user: Int64 = 1, permissions: Set<String> = [], isStaff: Bool = false, isSuperuser: Bool = false,
        session: String = "s1", lifetime: Int64 = 300
    ) async throws -> String {
        let principal = Principal(
            userID: user, username: "user\(user)", sessionID: session, permissions: permissions, isStaff: isStaff,
            isSuperuser: isSuperuser)
        let payload = AccessToken(principal, id: UUID().uuidString, issuedAt: clock.now, lifetime: lifetime)
        return try await JWTKeyCollection().add(ecdsa: key, kid: "test")
            .sign(payload, kid: "test", header: ["typ": "at+jwt"])
    }
}

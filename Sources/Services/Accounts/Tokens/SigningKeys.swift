import Crypto
import Foundation
import JWTKit
import Logging
import MartletCore
import MartletTokens
import MartletWeb

/// The signing keys of access tokens: ES256 (RFC 7518 §3.4).
struct SigningKeys: Sendable {
    private let pairs: [SigningKey]
    private let current: SigningKey
    private let checker: TokenChecker

    /// Reads the keys, or creates the first one.
    /// - Throws: ``ServiceError`` that names the file.
    init(directory path: String, clock: WallClock = .system) throws {
        let directory = KeyDirectory(path: path)
        try directory.create()
        var files = try directory.read()
        if files.isEmpty {
            try directory.writeFirst(P256.Signing.PrivateKey().pemRepresentation)
            files = try directory.read()
        }
        pairs = try files.map { pem in
            do {
                return try SigningKey(pem: pem)
            } catch {
                throw ServiceError("a file in '\(path)' is not a P-256 private key in PEM")
            }
        }
        guard let last = pairs.last else { throw ServiceError("no signing key in '\(path)'") }
        current = last
        var issuer = TokenIssuer.platform
        issuer.keys = pairs.map(\.verifying)
        checker = TokenChecker(issuer, keys: TokenKeys(issuer, logger: Logger(label: "accounts")), clock: clock)
    }

    func sign(_ token: AccessToken) async throws -> String { try await current.sign(token) }

    /// Verifies a token as all services do, and returns its claims.
    /// - Throws: ``Problem`` 401 when the token is invalid or has expired.
    func verify(_ token: [UInt8]) async throws -> TokenClaims { try await checker.claims(of: token) }

    var publicKeys: JSONWebKeySet { JSONWebKeySet(keys: pairs.map(\.publicKey)) }
}

private struct SigningKey: Sendable {
    let publicKey: JSONWebKey
    let verifying: TokenIssuer.Key
    private let key: ES256PrivateKey

    init(pem: String) throws {
        let pair = try P256.Signing.PrivateKey(pemRepresentation: pem)
        publicKey = JSONWebKey(pair.publicKey)
        verifying = TokenIssuer.Key(
            .es256, id: publicKey.kid, material: Array(pair.publicKey.pemRepresentation.utf8))
        key = try ES256PrivateKey(backing: pair)
    }

    func sign(_ token: AccessToken) async throws -> String {
        let id = JWKIdentifier(string: publicKey.kid)
        return try await JWTKeyCollection().add(ecdsa: key, kid: id).sign(token, kid: id, header: ["typ": "at+jwt"])
    }
}

/// The public keys (RFC 7517 §5).
struct JSONWebKeySet: Codable, Output {
    let keys: [JSONWebKey]
}

/// A public key for ES256 (RFC 7518 §6.2.1).
struct JSONWebKey: Codable, Sendable {
    let kty: String
    let crv: String
    let x: String
    let y: String
    let kid: String
    let alg: String
    let use: String

    init(_ key: P256.Signing.PublicKey) {
        let coordinates = Array(key.rawRepresentation)
        kty = "EC"
        crv = "P-256"
        x = Base64URL.encode(coordinates.prefix(32))
        y = Base64URL.encode(coordinates.dropFirst(32))
        alg = "ES256"
        use = "sig"
        // The thumbprint of RFC 7638: the same key has the same id everywhere.
        let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        kid = Base64URL.encode(SHA256.hash(data: Data(canonical.utf8)))
    }
}

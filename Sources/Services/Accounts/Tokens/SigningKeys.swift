import Crypto
import Foundation
import JWTKit
import MartletCore
import MartletTokens
import MartletWeb

/// The keys that access tokens are signed with: ES256 (RFC 7518 §3.4).
struct SigningKeys: Sendable {
    private let pairs: [SigningKey]
    private let current: SigningKey

    /// Reads the keys, or makes the first one.
    /// - Throws: ``ServiceError`` that names the file.
    init(directory path: String) throws {
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
        guard let last = pairs.last else { throw ServiceError("there is no signing key in '\(path)'") }
        current = last
    }

    func sign(_ token: AccessToken) async throws -> String { try await current.sign(token) }

    /// - Throws: ``Problem`` 401 when the token is none of ours, or has expired.
    func verify(_ token: String, at now: Timestamp) async throws -> AccessToken {
        for pair in pairs {
            guard let claims = try? await pair.verify(token) else { continue }
            _ = try claims.principal(at: now)
            return claims
        }
        throw Problem.invalidToken
    }

    var publicKeys: JSONWebKeySet { JSONWebKeySet(keys: pairs.map(\.publicKey)) }
}

private struct SigningKey: Sendable {
    let publicKey: JSONWebKey
    private let key: ES256PrivateKey

    init(pem: String) throws {
        let pair = try P256.Signing.PrivateKey(pemRepresentation: pem)
        publicKey = JSONWebKey(pair.publicKey)
        key = try ES256PrivateKey(backing: pair)
    }

    /// A collection with this key alone, so that nothing in a token's header can choose another one.
    private func collection() async -> JWTKeyCollection {
        await JWTKeyCollection().add(ecdsa: key, kid: JWKIdentifier(string: publicKey.kid))
    }

    func sign(_ token: AccessToken) async throws -> String {
        try await collection().sign(
            token, kid: JWKIdentifier(string: publicKey.kid), header: ["typ": "at+jwt"])
    }

    func verify(_ token: String) async throws -> AccessToken {
        try await collection().verify(token, as: AccessToken.self)
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
        x = base64URL(coordinates.prefix(32))
        y = base64URL(coordinates.dropFirst(32))
        alg = "ES256"
        use = "sig"
        // The thumbprint of RFC 7638: the same key has the same id wherever it is read.
        let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        kid = base64URL(SHA256.hash(data: Data(canonical.utf8)))
    }
}

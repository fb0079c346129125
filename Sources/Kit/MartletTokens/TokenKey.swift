import Crypto
import JWTKit
import MartletCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A key and the only algorithm it may be used with (RFC 8725 §3.1).
struct TokenKey: Sendable {
    let algorithm: TokenIssuer.Algorithm
    private let verifier: any JWTAlgorithm

    /// Whether the token names the key's algorithm and its signature is valid for the key.
    func signed(_ token: CompactToken) -> Bool {
        token.algorithm.elementsEqual(algorithm.rawValue.utf8)
            && (try? verifier.verify(token.signature, signs: token.signed)) == true
    }

    /// Reads a key from the configuration.
    /// - Throws: when the material is not a key for the algorithm.
    init(_ key: TokenIssuer.Key) async throws {
        let text = String(decoding: key.material, as: UTF8.self)
        let collection = JWTKeyCollection()
        switch key.algorithm {
        case .hs256: await collection.add(hmac: HMACKey(from: Data(key.material)), digestAlgorithm: .sha256)
        case .rs256: await collection.add(rsa: try Insecure.RSA.PublicKey(pem: text), digestAlgorithm: .sha256)
        case .es256: await collection.add(ecdsa: try ES256PublicKey(pem: text))
        case .eddsa: await collection.add(eddsa: try EdDSA.PublicKey(pem: text))
        }
        try await self.init(key.algorithm, collection)
    }

    /// Reads a member of a JWK set (RFC 7517 §4).
    /// - Returns: nil for a key that does not verify signatures with a supported algorithm: another use, key type or
    ///   curve, or an `alg` that does not fit the key type. A shared secret in a public set is ignored.
    /// - Throws: when the numbers are not a valid key.
    init?(_ key: JSONValue) async throws {
        func text(_ name: String) -> String? { key[name]?.stringValue }
        func number(_ name: String) -> [UInt8]? { text(name).flatMap { Base64URL.decode(Array($0.utf8)) } }
        if let use = key["use"], use.stringValue != "sig" { return nil }
        if let operations = key["key_ops"] {
            guard let names = operations.arrayValue, names.contains(where: { $0.stringValue == "verify" }) else {
                return nil
            }
        }
        let algorithm: TokenIssuer.Algorithm
        switch (text("kty"), text("crv")) {
        case ("RSA", _): algorithm = .rs256
        case ("EC", "P-256"): algorithm = .es256
        case ("OKP", "Ed25519"): algorithm = .eddsa
        default: return nil
        }
        if let own = key["alg"], own.stringValue != algorithm.rawValue { return nil }
        let collection = JWTKeyCollection()
        switch algorithm {
        case .rs256:
            guard let modulus = text("n"), let exponent = text("e"), number("n") != nil, number("e") != nil else {
                return nil
            }
            let key = try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent)
            await collection.add(rsa: key, digestAlgorithm: .sha256)
        case .es256:
            // RFC 7518 §6.2.1.2: coordinates have the full length of the curve, including leading zeros.
            guard let x = number("x"), let y = number("y"), x.count == 32, y.count == 32 else { return nil }
            let key = try ES256PublicKey(backing: P256.Signing.PublicKey(rawRepresentation: x + y))
            await collection.add(ecdsa: key)
        case .eddsa:
            guard let x = number("x"), x.count == 32 else { return nil }
            let key = EdDSA.PublicKey(backing: try Curve25519.Signing.PublicKey(rawRepresentation: x))
            await collection.add(eddsa: key)
        case .hs256:
            return nil
        }
        try await self.init(algorithm, collection)
    }

    /// - Parameter collection: a collection with exactly one key, which is how JWTKit exposes an algorithm.
    private init(_ algorithm: TokenIssuer.Algorithm, _ collection: JWTKeyCollection) async throws {
        self.algorithm = algorithm
        verifier = try await collection.getKey()
    }
}

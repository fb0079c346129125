import Crypto
import Foundation
import Logging
import MartletCore
import Testing

@testable import MartletTokens

/// Which members of a key set are accepted, and for which algorithms (RFC 7517, RFC 7518 §6, RFC 8037).
@Suite struct JWKSetTests {
    private func encoded(_ bytes: some Sequence<UInt8>) -> String { TokenDecodingTests.encoded(bytes) }

    private func set(_ keys: [String]) async throws -> JWKSet {
        try await JWKSet(Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8))
    }

    private func point(_ key: P256.Signing.PublicKey = P256.Signing.PrivateKey().publicKey) -> String {
        let raw = Array(key.rawRepresentation)
        return #""kty":"EC","crv":"P-256","x":"\#(encoded(raw.prefix(32)))","y":"\#(encoded(raw.dropFirst(32)))""#
    }

    @Test func acceptsSigningKeys() async throws {
        let curve = encoded(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
        for (members, algorithm) in [
            (point(), TokenIssuer.Algorithm.es256), (point() + #","use":"sig","alg":"ES256""#, .es256),
            (point() + #","key_ops":["sign","verify"]"#, .es256), (point() + #","x5c":["a"],"unknown":{}"#, .es256),
            (#""kty":"OKP","crv":"Ed25519","x":"\#(curve)""#, .eddsa),
        ] {
            let set = try await set([#"{"kid":"k",\#(members)}"#])
            #expect(set.keys[Array("k".utf8)]?.algorithm == algorithm, "\(members)")
            #expect(set.ignored == 0)
        }
        #expect(try await set(["{\(point())}"]).keys[nil] != nil, "kid is optional")
    }

    @Test func passesOverEverythingElse() async throws {
        let raw = Array(P256.Signing.PrivateKey().publicKey.rawRepresentation)
        let (x, y) = (encoded(raw.prefix(32)), encoded(raw.dropFirst(32)))
        let large = Array(P384.Signing.PrivateKey().publicKey.rawRepresentation)
        let (x384, y384) = (encoded(large.prefix(48)), encoded(large.dropFirst(48)))
        let curve = encoded(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
        let bad = [
            point() + #","use":"enc""#, point() + #","use":"""#, point() + #","use":1"#, point() + #","use":null"#,
            point() + #","key_ops":["encrypt"]"#, point() + #","key_ops":[]"#, point() + #","key_ops":"verify""#,
            point() + #","use":"sig","key_ops":["sign"]"#,
            point() + #","alg":"ES384""#, point() + #","alg":"HS256""#, point() + #","alg":"none""#,
            point() + #","alg":5"#,
            #""kty":"EC","crv":"P-384","alg":"ES256","x":"\#(x384)","y":"\#(y384)""#,
            #""kty":"EC","crv":"P-384","x":"\#(x384)","y":"\#(y384)""#,
            #""kty":"EC","crv":"P-256","x":"\#(x384)","y":"\#(y384)""#,
            // Not on the curve; shorter than a coordinate; padded; missing.
            #""kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(x)""#,
            #""kty":"EC","crv":"P-256","x":"AQ","y":"AQ""#,
            #""kty":"EC","crv":"P-256","x":"\#(x)=","y":"\#(y)""#,
            #""kty":"EC","crv":"P-256","x":"\#(x)""#,
            #""kty":"OKP","crv":"X25519","x":"\#(curve)""#,
            #""kty":"OKP","crv":"Ed25519","alg":"ES256","x":"\#(curve)""#,
            #""kty":"oct","k":"\#(curve)","alg":"HS256""#,
            #""kty":"RSA","n":"AQAB","e":"AQAB""#, #""kty":"RSA","n":"\#(String(repeating: "_", count: 342))8""#,
            #""kty":"ec","crv":"P-256","x":"\#(x)","y":"\#(y)""#, #""crv":"P-256","x":"\#(x)","y":"\#(y)""#,
        ]
        let set = try await set(bad.map { #"{"kid":"k",\#($0)}"# } + [#"{"kid":5,\#(point())}"#, "5", "[]"])
        #expect(set.keys.isEmpty)
        #expect(set.ignored == bad.count + 3)
        // An unusable key does not affect the others.
        let mixed = try await self.set(["{}", #"{"kid":"k",\#(point())}"#])
        #expect(mixed.keys.count == 1)
    }

    @Test func limitsTheSizeOfASet() async throws {
        let set = try await set((0..<1000).map { _ in "{}" } + [#"{"kid":"k",\#(point())}"#])
        #expect(set.keys.isEmpty)
        #expect(set.ignored == 1001)
        for text in [
            "", "[]", #"{"keys":{}}"#, "{}", "<html>", #"{"keys":[],"keys":[]}"#,
            String(repeating: " ", count: JWKSet.maximumLength + 1),
        ] {
            await #expect(throws: (any Error).self) { try await JWKSet(Array(text.utf8)) }
        }
    }

    /// A signature is verified only with the algorithm of the key that the token names.
    @Test func keyDeterminesTheAlgorithm() async throws {
        let pair = P256.Signing.PrivateKey()
        let known = try await set([#"{"kid":"k",\#(point(pair.publicKey))}"#])
        let key = try #require(known.keys[Array("k".utf8)])
        func token(_ algorithm: String) throws -> CompactToken {
            let text = TokenDecodingTests.encoded(#"{"alg":"\#(algorithm)"}"#) + ".e30"
            let signature = try pair.signature(for: Data(text.utf8)).rawRepresentation
            return try CompactToken(Array("\(text).\(encoded(signature))".utf8))
        }
        #expect(try key.signed(token("ES256")))
        for other in ["none", "ES384", "HS256", "es256", "ES256 ", "EdDSA"] {
            #expect(try !key.signed(token(other)), "\(other)")
        }
    }
}

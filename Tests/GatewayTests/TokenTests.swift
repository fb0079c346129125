import Foundation
import JWTKit
import Logging
import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway
@testable import MartletTokens

/// Tokens signed with every kind of key, over real sockets.
@Suite struct TokenTests {
    private struct Claims: JWTPayload {
        var iss: String? = "tests"
        var aud: [String]? = ["others", "gateway"]
        var sub = "7"
        var exp: Int? = Int(WallClock.system.now.secondsSince1970) + 60
        var nbf: Int?
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    /// A signing key, and the gateway's setting for it.
    private struct Signer: Sendable {
        let keys: JWTKeyCollection
        let key: TokenIssuer.Key

        func token(_ change: (inout Claims) -> Void = { _ in }) async throws -> String {
            var claims = Claims()
            change(&claims)
            return try await keys.sign(claims, kid: "k")
        }

        static func make(_ algorithm: TokenIssuer.Algorithm) async throws -> Signer {
            let keys = JWTKeyCollection()
            let material: String
            switch algorithm {
            case .hs256:
                material = "a secret of the tests, 32 bytes and more"
                await keys.add(hmac: HMACKey(from: Data(material.utf8)), digestAlgorithm: .sha256, kid: "k")
            case .rs256:
                let pair = try RSAKey()
                material = pair.publicKey
                await keys.add(
                    rsa: try Insecure.RSA.PrivateKey(pem: pair.privateKey), digestAlgorithm: .sha256, kid: "k")
            case .es256:
                let key = ES256PrivateKey()
                material = key.publicKey.pemRepresentation
                await keys.add(ecdsa: key, kid: "k")
            case .eddsa:
                let key = try EdDSA.PrivateKey(curve: .ed25519)
                material = key.publicKey.pemRepresentation
                await keys.add(eddsa: key, kid: "k")
            }
            return Signer(keys: keys, key: .init(algorithm, id: "k", material: Array(material.utf8)))
        }
    }

    private func withIssuer(
        _ key: TokenIssuer.Key?, _ change: (inout TokenIssuer) -> Void = { _ in },
        _ body: (@Sendable (String) async throws -> Int) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        var issuer = TokenIssuer()
        issuer.issuer = "tests"
        issuer.audience = "gateway"
        if let key { issuer.keys = [key] }
        change(&issuer)
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            configuration.routes[0].policies.authentication = .init(tokens: issuer)
        } _: { gateway in
            try await body { try await gateway.get("/api", headers: "Authorization: Bearer \($0)\r\n").status }
        }
        await upstream.stop()
    }

    @Test(arguments: TokenIssuer.Algorithm.allCases)
    func verifiesEveryKindOfKey(_ algorithm: TokenIssuer.Algorithm) async throws {
        let (signer, other) = (try await Signer.make(algorithm), try await Signer.make(algorithm))
        try await withIssuer(signer.key) { ask in
            let token = try await signer.token()
            #expect(try await ask(token) == 200)
            var parts = token.split(separator: ".").map(String.init)
            let claims = #"{"sub":"1","iss":"tests","aud":"gateway","exp":9999999999,"is_superuser":true}"#
            parts[1] = Self.base64URL(claims)
            #expect(try await ask(parts.joined(separator: ".")) == 401)
            parts[2] = ""
            #expect(try await ask(parts.joined(separator: ".")) == 401)
            // HS256 has only one secret here.
            if algorithm != .hs256 { #expect(try await ask(try await other.token()) == 401) }
        }
    }

    /// A public key must not be accepted as the secret of HS256.
    @Test(arguments: [TokenIssuer.Algorithm.rs256, .es256, .eddsa])
    func publicKeyIsNotAcceptedAsASecret(_ algorithm: TokenIssuer.Algorithm) async throws {
        let signer = try await Signer.make(algorithm)
        let pem = String(decoding: signer.key.material, as: UTF8.self)
        try await withIssuer(signer.key) { ask in
            for secret in [pem, pem.trimmingCharacters(in: .whitespacesAndNewlines)] {
                let keys = JWTKeyCollection()
                await keys.add(hmac: HMACKey(from: Data(secret.utf8)), digestAlgorithm: .sha256, kid: "k")
                #expect(try await ask(try await keys.sign(Claims(), kid: "k")) == 401)
            }
            let parts = try await signer.token().split(separator: ".").map(String.init)
            for name in ["none", "None", "NONE", "HS256", "RS384", "ES384", "PS256", ""] {
                let head = Self.base64URL(#"{"alg":"\#(name)","kid":"k"}"#)
                #expect(try await ask("\(head).\(parts[1]).\(parts[2])") == 401, "\(name)")
                #expect(try await ask("\(head).\(parts[1]).") == 401, "\(name)")
            }
            // Keys inside the token are ignored.
            let own = Self.base64URL(#"{"alg":"HS256","kid":"x","jwk":{"kty":"oct","k":"AAAA"},"jku":"http://x"}"#)
            #expect(try await ask("\(own).\(parts[1]).\(parts[2])") == 401)
        }
    }

    @Test func checksTimesIssuerAndAudience() async throws {
        let signer = try await Signer.make(.es256)
        let now = Int(WallClock.system.now.secondsSince1970)
        let cases: [(String, Int, @Sendable (inout Claims) -> Void)] = [
            ("ended within the leeway", 200, { $0.exp = now - 10 }),
            ("ended before it", 401, { $0.exp = now - 40 }),
            ("no end", 401, { $0.exp = nil }),
            ("begins within the leeway", 200, { $0.nbf = now + 10 }),
            ("begins after it", 401, { $0.nbf = now + 60 }),
            ("another issuer", 401, { $0.iss = "tests2" }),
            ("no issuer", 401, { $0.iss = nil }),
            ("for others", 401, { $0.aud = ["others"] }),
            ("for nobody", 401, { $0.aud = [] }),
            ("no audience", 401, { $0.aud = nil }),
        ]
        try await withIssuer(signer.key, { $0.leeway = .seconds(25) }) { ask in
            for (name, expected, change) in cases {
                let status = try await ask(try await signer.token(change))
                #expect(status == expected, "\(name)")
            }
        }
    }

    /// An unknown `kid` makes the gateway fetch the keys again, but not every time.
    @Test func fetchesKeysFromTheIssuer() async throws {
        let (first, second) = (ES256PrivateKey(), ES256PrivateKey())
        let asked = Shared(0)
        let set = try Self.keySet([("k", first)])
        let issuer = try await TestUpstream.start { _ in
            asked.change { $0 += 1 }
            return TestUpstream.ok(set, headers: "Content-Type: application/json\r\n")
        }
        let (keys, others) = (JWTKeyCollection(), JWTKeyCollection())
        await keys.add(ecdsa: first, kid: "k")
        await others.add(ecdsa: second, kid: "k")
        try await withIssuer(nil, { $0.keySetURL = issuer.endpoint.description + "/jwks.json" }) { ask in
            let status = try await ask(try await keys.sign(Claims(), kid: "k"))
            #expect(status == 200)
            #expect(try await ask(try await others.sign(Claims(), kid: "k")) == 401)
            for number in 0..<20 {
                let unknown = JWTKeyCollection()
                await unknown.add(ecdsa: second, kid: .init(string: "made-up-\(number)"))
                #expect(try await ask(try await unknown.sign(Claims(), kid: .init(string: "made-up-\(number)"))) == 401)
            }
            #expect(asked.value == 1)
            await issuer.stop()
            // Another token of a known key is verified without the issuer.
            var claims = Claims()
            claims.sub = "8"
            #expect(try await ask(try await keys.sign(claims, kid: "k")) == 200)
        }
    }

    @Test func unreachableIssuerIs503() async throws {
        let signer = try await Signer.make(.es256)
        try await withIssuer(nil, { $0.keySetURL = "http://127.0.0.1:1/jwks.json" }) { ask in
            let status = try await ask(try await signer.token())
            #expect(status == 503)
        }
    }

    /// Keys fetched from the test's issuer, which responds with `answer`, at a time set by the test.
    private func keys(
        _ answer: Shared<[UInt8]?>, _ fetches: Shared<Int>, _ time: Shared<ContinuousClock.Instant>
    ) -> (TokenIssuer, TokenKeys) {
        var issuer = TokenIssuer()
        issuer.keySetURL = "http://issuer.example/jwks.json"
        let keys = TokenKeys(
            issuer, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            now: { time.value },
            fetch: { _ in
                fetches.next()
                guard let bytes = answer.value else { throw Problem.unavailable("gone") }
                return bytes
            })
        return (issuer, keys)
    }

    @Test func sharesAndLimitsFetchesAndKeepsTheLastKeys() async throws {
        let old = ES256PrivateKey()
        let time = Shared(ContinuousClock.now)
        let fetches = Shared(0)
        let answer = Shared<[UInt8]?>(Array(try Self.keySet([("old", old)]).utf8))
        let (_, keys) = keys(answer, fetches, time)
        @Sendable func isKnown(_ id: String) async -> Bool { (try? await keys.key(id)) != nil }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let found = await isKnown("old")
                    #expect(found)
                }
            }
        }
        #expect(fetches.value == 1)
        #expect(await !isKnown("new"))
        #expect(fetches.value == 1, "not fetched again so soon")

        // The issuer is unreachable, then sends nonsense, then no keys: the old key stays valid.
        for bytes in [nil, Array("<html>".utf8), Array(#"{"keys":[]}"#.utf8)] as [[UInt8]?] {
            answer.change { $0 = bytes }
            time.change { $0 += TokenKeys.refreshInterval }
            #expect(await !isKnown("new"))
            #expect(await isKnown("old"))
        }
        #expect(fetches.value == 4)

        // The issuer has rotated its keys.
        let rotated = Array(try Self.keySet([("new", ES256PrivateKey())]).utf8)
        answer.change { $0 = rotated }
        #expect(await !isKnown("new"))
        time.change { $0 += TokenKeys.refreshInterval }
        #expect(await isKnown("new"))
        #expect(await !isKnown("old"))
    }

    /// A withdrawn key expires, and a new key with the same id is found.
    @Test func replacesOldKeys() async throws {
        let (old, new) = (ES256PrivateKey(), ES256PrivateKey())
        let time = Shared(ContinuousClock.now)
        let answer = Shared<[UInt8]?>(Array(try Self.keySet([("k", old), ("other", old)]).utf8))
        let fetches = Shared(0)
        let (issuer, keys) = keys(answer, fetches, time)
        let verifier = TokenVerifier(issuer, keys: keys) { $0.subject }
        func subject(_ key: ES256PrivateKey, _ id: String, _ subject: String) async throws -> String? {
            var claims = Claims()
            claims.sub = subject
            let token = try await JWTKeyCollection().add(ecdsa: key, kid: .init(string: id))
                .sign(claims, kid: .init(string: id))
            return try? await verifier.verify(Array(token.utf8))
        }
        #expect(try await subject(old, "k", "1") == "1")
        // Another key with the same id is fetched at the first token that fails, once fetching is allowed again.
        answer.change { $0 = Array(((try? Self.keySet([("k", new), ("other", old)])) ?? "").utf8) }
        #expect(try await subject(new, "k", "2") == nil)
        time.change { $0 += TokenKeys.refreshInterval }
        #expect(try await subject(new, "k", "3") == "3")
        #expect(try await subject(old, "k", "4") == nil)
        #expect(fetches.value == 2)
        // While the issuer is unreachable, old keys stay valid. When it returns, it has withdrawn one.
        answer.change { $0 = nil }
        time.change { $0 += TokenKeys.maximumAge }
        #expect(try await subject(old, "other", "5") == "5")
        try await eventually("the third fetch") { fetches.value == 3 }
        answer.change { $0 = Array(((try? Self.keySet([("k", new)])) ?? "").utf8) }
        time.change { $0 += TokenKeys.refreshInterval }
        var number = 0
        try await eventually("the old key's end") {
            number += 1
            return try await subject(old, "other", "6.\(number)") == nil
        }
    }

    /// `kid` is optional (RFC 7517 §4.5).
    @Test func keyWithoutAnIDVerifiesTokensWithoutOne() async throws {
        let key = ES256PrivateKey()
        let set = try Self.keySet([("", key)]).replacing(#","kid":"""#, with: "")
        var issuer = TokenIssuer()
        issuer.keySetURL = "http://issuer.example/jwks.json"
        let keys = TokenKeys(
            issuer, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            fetch: { _ in Array(set.utf8) })
        let verifier = TokenVerifier(issuer, keys: keys) { $0.subject }
        let token = try await JWTKeyCollection().add(ecdsa: key).sign(Claims())
        #expect(try await verifier.verify(Array(token.utf8)) == "7")
    }

    /// A key set (RFC 7517) of public keys on P-256.
    private static func keySet(_ keys: [(String, ES256PrivateKey)]) throws -> String {
        let members = try keys.map { id, key in
            let parameters = try #require(key.publicKey.parameters)
            let (x, y) = (urlSafe(parameters.x), urlSafe(parameters.y))
            return #"{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"\#(id)","x":"\#(x)","y":"\#(y)"}"#
        }
        return #"{"keys":[\#(members.joined(separator: ","))]}"#
    }

    private static func base64URL(_ text: String) -> String { urlSafe(Data(text.utf8).base64EncodedString()) }

    private static func urlSafe(_ base64: String) -> String {
        base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

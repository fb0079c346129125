import Foundation
import MartletCore
import Testing

/// Access tokens from elsewhere are rejected (RFC 8725).
@Suite(.inTurn) struct TokenTests {
    @Test(arguments: Deployment.allCases)
    func publishesItsKeysAndNothingSecret(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let answer = try await platform.api.get("/.well-known/jwks.json")
        #expect(answer.status == 200)
        let keys = try #require(try answer.json()["keys"]?.arrayValue)
        #expect(!keys.isEmpty)
        for key in keys {
            #expect(key["kid"]?.stringValue?.isEmpty == false)
            #expect(key["alg"]?.stringValue == "ES256")
            for secret in ["d", "p", "q", "k"] { #expect(key[secret] == nil) }
        }
        let header = try Forgery(try await platform.people.administrator().token).header
        #expect(header.first { $0.0 == "kid" }?.1 == keys.last?["kid"])
    }

    @Test(arguments: Deployment.allCases)
    func refusesForgeriesEverywhere(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let holder = try await platform.people.holder(of: ["catalog.add_product"])
        let product = try await Products.asAdministrator(platform).addedPath(["stock": 5])
        let victims: [(String, String, JSONValue?)] = [
            ("POST", Products.path, ["name": "Forged", "price": 1]), ("PATCH", product, ["price": 2]),
            ("GET", "/api/auth/me", nil),
        ]
        for (what, token) in try await forgeries(holder.token, platform) {
            for (method, path, body) in victims {
                let answer = try await platform.api.with(token).send(method, path, body: body?.bytes)
                expectProblem(answer, 401, sent: "\(what): \(method) \(path)")
                #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer") == true, "\(what)")
            }
            let verified = try await platform.api.post("/api/auth/verify-token", ["token": .string(token)])
            #expect(verified.status == 401 || verified.status == 422, "\(what): \(verified.text)")
        }
        #expect(try await platform.api.with(holder.token).get("/api/auth/me").status == 200, "the real token is valid")
    }

    private func forgeries(_ token: String, _ platform: RunningPlatform) async throws -> [(String, String)] {
        let real = try Forgery(token)
        let keys = try await platform.api.get("/.well-known/jwks.json")
        let key = try #require(try keys.json()["keys"]?.arrayValue?.last)
        let x = try #require(key["x"]?.stringValue)
        let y = try #require(key["y"]?.stringValue)
        let point = try #require(Forgery.decoded(x)) + #require(Forgery.decoded(y))
        // SubjectPublicKeyInfo of a P-256 key (RFC 5480).
        let prefix: [UInt8] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
            0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ]
        let pem =
            "-----BEGIN PUBLIC KEY-----\n"
            + Data(prefix + point).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
            + "\n-----END PUBLIC KEY-----"
        let superuser = real.claims(("is_superuser", true), ("permissions", ["catalog.change_product"]))
        var forgeries: [(String, String)] = [
            ("changed claims", superuser.withOldSignature),
            ("a later end", real.claims(("exp", .number("99999999999"))).withOldSignature),
            ("no signature", real.withoutSignature),
            ("zeros for a signature", real.withoutSignature + Forgery.encoded([UInt8](repeating: 0, count: 64))),
            ("a short signature", real.withoutSignature + "AAAA"),
            ("an unknown key", real.header(("kid", "unknown")).withOldSignature),
            ("no key id", real.header(("kid", nil)).withOldSignature),
            ("a path for a key id", real.header(("kid", "../../../../dev/null")).withOldSignature),
            ("a number for a key id", real.header(("kid", 5)).withOldSignature),
            ("a key in the header", real.header(("jwk", key)).withOldSignature),
            ("a critical extension", real.header(("crit", ["exp"])).withOldSignature),
            ("an expired one", real.claims(("exp", 1), ("iat", 0)).withOldSignature),
            ("the payload alone", String(token.split(separator: ".")[1])),
            ("four parts", token + ".x"),
            ("an empty header", "." + token.split(separator: ".").dropFirst().joined(separator: ".")),
            ("garbage", "garbage"), ("dots", ".."), ("not base64", "%%%.%%%.%%%"),
            ("deep nesting", Forgery.encoded(Array(String(repeating: "[", count: 5000).utf8)) + ".e30.AAAA"),
        ]
        for none in ["none", "None", "NONE", "nOnE", ""] {
            forgeries.append(("alg \(none)", superuser.header(("alg", .string(none))).withoutSignature))
            forgeries.append(("alg \(none), signed", superuser.header(("alg", .string(none))).withOldSignature))
        }
        let hmac = superuser.header(("alg", "HS256"))
        let publicKeys: [(String, [UInt8])] = [
            ("PEM", Array(pem.utf8)), ("PEM with a line end", Array((pem + "\n").utf8)), ("DER", prefix + point),
            ("point", [4] + point), ("coordinates", point), ("x", Array(x.utf8)), ("JWK", key.bytes),
            ("key set", keys.body), ("nothing", []),
        ]
        for (name, bytes) in publicKeys { forgeries.append(("HS256 with \(name)", hmac.signed(byHMACWith: bytes))) }

        // A valid token of another platform, signed with another key.
        let other = Deployment.allCases.first { $0 != platform.deployment } ?? platform.deployment
        let foreign = try await other.platform().people.administrator().token
        forgeries.append(("another platform's token", foreign))
        let id = try #require(key["kid"])
        forgeries.append(("another key under this key's id", try Forgery(foreign).header(("kid", id)).withOldSignature))
        return forgeries
    }

    @Test(arguments: Deployment.allCases)
    func rejectsMalformedAuthorization(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let token = try await platform.people.administrator().token
        for value in [
            "Bearer", "Bearer ", token, "Basic YWRtaW46YWRtaW4=", "Bearer \(token) x", "Bearer \(token),Bearer x",
            "Token \(token)", "Bearer null", String(repeating: "x", count: 20_000),
        ] {
            let answer = try await platform.api.send(
                "POST", Products.path, body: Array(#"{"name":"x","price":1}"#.utf8), headers: ["Authorization": value])
            expectProblem(answer, 401, sent: String(value.prefix(80)))
        }
        let lowercase = try await platform.api.get("/api/auth/me", ["Authorization": "bearer \(token)"])
        #expect(lowercase.status == 200, "the scheme is case-insensitive (RFC 9110 §11.1)")
    }

    /// The token does not fit in the header section, and the field of the body has a limit.
    @Test(arguments: Deployment.allCases)
    func rejectsHugeTokens(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let token = String(repeating: "a", count: 100_000)
        let raw = try await RawSocket.exchange(
            port: platform.port,
            "POST \(Products.path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nContent-Length: 2\r\n\r\n{}"
        )
        expectProblem(try #require(raw.responses.first), 431)
        #expect(raw.isClosed)
        let verified = try await platform.api.post("/api/auth/verify-token", ["token": .string(token)])
        expectProblem(verified, 422)
        expectErrors(verified, "body.token too_long")
    }
}

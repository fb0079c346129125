import Crypto
import Foundation
import MartletCore
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

/// `verify-token` accepts exactly the tokens that the services accept.
@Suite struct VerifyTokenTests {
    /// Signs any payload with the service's own key.
    private struct Signer {
        let key: P256.Signing.PrivateKey
        let kid: String

        init(_ accounts: Fixture) throws {
            let pem = try String(contentsOfFile: accounts.directory + "/keys/signing-0001.pem", encoding: .utf8)
            key = try P256.Signing.PrivateKey(pemRepresentation: pem)
            kid = try #require(accounts.service.keys.publicKeys.keys.last?.kid)
        }

        func token(_ header: String, _ payload: String) throws -> String {
            try token(Array(header.utf8), Array(payload.utf8))
        }

        func token(_ header: [UInt8], _ payload: [UInt8]) throws -> String {
            let text = Base64URL.encode(header) + "." + Base64URL.encode(payload)
            return text + "." + Base64URL.encode(try key.signature(for: Data(text.utf8)).rawRepresentation)
        }
    }

    private func verify(_ accounts: Fixture, _ token: String) async throws -> Problem? {
        do {
            _ = try await accounts.service.verifyToken(accounts.context(), input(["token": .string(token)]))
            return nil
        } catch let problem as Problem {
            return problem
        }
    }

    @Test func readsTheTokenFromHeaderOrBody() async throws {
        try await withAccounts { accounts in
            try await accounts.register("ada@example.org", "ada")
            let session = try await accounts.login("username", "ada")
            func ask(_ authorization: String?, _ body: JSONValue = [:]) async throws -> ResponseParts {
                try await accounts.service.verifyToken(accounts.context(authorization: authorization), input(body))
                    .responseParts()
            }
            for answer in [
                try await ask("Bearer \(session.accessToken)"), try await ask("bearer \(session.accessToken)"),
                try await ask(nil, ["token": .string(session.accessToken)]),
                // A service with its own token verifies the token of a user.
                try await ask("Bearer of.something.else", ["token": .string(session.accessToken)]),
            ] {
                #expect(answer.status == 200)
                let json = try JSONValue(parsing: answer.body ?? [])
                #expect(json["valid"] == true)
                #expect(json["user"]?["username"] == "ada")
                #expect(json["user"]?["id"] == json["user_id"])
                #expect(answer.headers.contains { $0.name == "Cache-Control" && $0.value == "no-store" })
            }
            for authorization in [
                nil, "", "Bearer", "Bearer ", "Basic YTpi", session.accessToken, "Bearer a b", "Bearer not.a.token",
                "Bearer " + String(repeating: "x", count: 10_000), "b\u{301}earer " + session.accessToken,
                "Bearer \(session.accessToken)=",
            ] {
                let refused = try await problem { try await ask(authorization) }
                #expect(refused.status == 401, "\(authorization?.prefix(40) ?? "nothing")")
                #expect(refused.headers.contains { $0.name == "WWW-Authenticate" })
            }
            try await accounts.service.sessions.end(RefreshToken(presented: session.refreshToken))
            #expect(try await problem { try await ask("Bearer \(session.accessToken)") }.code == "session_ended")
        }
    }

    /// All are signed with the right key.
    @Test func rejectsAnythingButOneToken() async throws {
        try await withAccounts { accounts in
            try await accounts.register("ada@example.org", "ada")
            let session = try await accounts.login("username", "ada")
            let signer = try Signer(accounts)
            let now = accounts.now.secondsSince1970
            func claims(_ more: String = "", issued: Int64? = nil) -> String {
                """
                {"iss":"martlet","aud":"martlet","sub":"\(session.userID)","sid":"\(session.principal.sessionID)",\
                "username":"ada","iat":\(issued ?? now),"exp":\(now + 60)\(more)}
                """
            }
            func header(_ more: String = "", alg: String = "ES256", typ: String = "at+jwt") -> String {
                #"{"alg":"\#(alg)","kid":"\#(signer.kid)","typ":"\#(typ)"\#(more)}"#
            }
            let good = try signer.token(header(), claims())
            #expect(try await verify(accounts, good) == nil)
            #expect(try await verify(accounts, signer.token(header(typ: "application/AT+JWT"), claims())) == nil)
            var refused: [String: String] = [
                "another type": try signer.token(header(typ: "JWT"), claims()),
                "no type": try signer.token(#"{"alg":"ES256","kid":"\#(signer.kid)"}"#, claims()),
                "alg none": try signer.token(header(alg: "none"), claims()),
                "another alg": try signer.token(header(alg: "ES384"), claims()),
                "alg in another case": try signer.token(header(alg: "es256"), claims()),
                "crit": try signer.token(header(#","crit":["exp"]"#), claims()),
                "an empty crit": try signer.token(header(#","crit":[]"#), claims()),
                "b64": try signer.token(header(#","b64":false"#), claims()),
                "a member twice": try signer.token(header(#","kid":"\#(signer.kid)""#), claims()),
                "alg twice": try signer.token(header(#","alg":"none""#), claims()),
                "alg twice, once escaped": try signer.token(header(#","\u0061lg":"none""#), claims()),
                "a claim twice": try signer.token(header(), claims(#","sub":"1""#)),
                "a BOM": try signer.token(Array("\u{FEFF}\(header())".utf8), Array(claims().utf8)),
                "a BOM in the claims": try signer.token(Array(header().utf8), Array("\u{FEFF}\(claims())".utf8)),
                "something behind": try signer.token(header() + "{}", claims()),
                "UTF-16": try signer.token(Array(header().utf8).flatMap { [$0, 0] }, Array(claims().utf8)),
                "not UTF-8": try signer.token(Array(header().utf8) + [0x20, 0xFF], Array(claims().utf8)),
                "an array": try signer.token("[\(header())]", claims()),
                "deep": try signer.token(header(#","x":\#(String(repeating: "[", count: 2000))"#), claims()),
                "exp as text": try signer.token(
                    header(), claims().replacing("\"exp\":\(now + 60)", with: #""exp":"9""#)),
                "from the future": try signer.token(header(), claims(issued: now + 61)),
                "padded": good + "==",
                "one character more": good + "A",
                "a line end": good + "\n",
            ]
            // The last character of 64 encoded bytes has four unused bits.
            let last = try #require(good.last)
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            let value = try #require(alphabet.firstIndex(of: last))
            refused["another form of the signature"] = good.dropLast() + String(alphabet[value ^ 1])
            let der = try signer.key.signature(for: Data("x".utf8)).derRepresentation
            refused["a signature in DER"] =
                good.prefix { $0 != "." } + "." + good.split(separator: ".")[1] + "." + Base64URL.encode(der)
            for (what, token) in refused {
                #expect(try await verify(accounts, token)?.code == "invalid_token", "\(what)")
            }
        }
    }
}

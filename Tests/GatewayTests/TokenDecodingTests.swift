import Foundation
import Logging
import MartletCore
import Synchronization
import Testing

@testable import MartletTokens

/// Tokens of any shape cost in proportion to their length, and beyond a length nothing.
@Suite struct TokenDecodingTests {
    @Test func partsOfATokenAreNotCountedWithoutEnd() {
        for token in [
            String(repeating: ".", count: 8192), String(repeating: ".", count: 1_000_000), "", ".", "..", "...", "a.b",
            String(repeating: "a", count: 8193), "e30.e30.", "e30.e30.AA", "W10.e30.AAAA", "bnVsbA.e30.AAAA",
        ] {
            #expect(throws: Problem.invalidToken) { try CompactToken(Array(token.utf8)) }
        }
    }

    /// What would be slow if names, ids and audiences were compared or hashed as Unicode does.
    @Test(.timeLimit(.minutes(1))) func textsMadeToBeSlowAreNot() async throws {
        let marks = String(repeating: "\u{301}\u{316}", count: 1400)
        let clock = ContinuousClock()
        var issuer = TokenIssuer()
        issuer.keys = [.init(.hs256, id: "k", material: Array(String(repeating: "k", count: 32).utf8))]
        issuer.issuer = "a"
        issuer.audience = "a"
        let checker = TokenChecker(issuer, keys: TokenKeys(issuer, logger: .init(label: "test")))
        for header in [
            #"{"alg":"HS256","a\#(marks)":1}"#, #"{"alg":"HS256","kid":"k\#(marks)"}"#,
            #"{"alg":"H\#(marks)","kid":"k"}"#,
            #"{"alg":"HS256","typ":"a\#(marks)"}"#,
        ] {
            let token = Array("\(Self.encoded(header)).e30.AAAA".utf8)
            #expect(token.count <= CompactToken.maximumLength)
            let took = await clock.measure {
                for _ in 0..<10 { await #expect(throws: Problem.invalidToken) { try await checker.claims(of: token) } }
            }
            #expect(took < .seconds(5))
        }
        // Claims of a signed token are decoded from anything that fits.
        let many = (0..<1400).map { "\"a\($0)\"" }.joined(separator: ",")
        for claims in [#""aud":[\#(many)]"#, #""iss":"a\#(marks)""#, #""aud":["a\#(marks)"]"#] {
            let members = try #require(try JSONValue(parsing: Array("{\(claims)}".utf8)).objectValue)
            let took = clock.measure {
                #expect(throws: Problem.invalidToken) { try TokenClaims(members + [("exp", 10)], issuer, at: 0) }
            }
            #expect(took < .seconds(1))
        }
    }

    @Test func timesThatAreNoTimesAreRefused() {
        for text in ["1e400", "-1e400", "1e15", String(repeating: "9", count: 33), "1e99999999999"] {
            #expect(throws: Problem.invalidToken, "\(text)") {
                try TokenClaims([("sub", "1"), ("exp", .number(text))], TokenIssuer(), at: 0)
            }
        }
        #expect(throws: Problem.invalidToken) { try TokenClaims([("sub", "1"), ("exp", "10")], TokenIssuer(), at: 0) }
        #expect(throws: Never.self) { try TokenClaims([("sub", "1"), ("exp", .number("10.5"))], TokenIssuer(), at: 0) }
    }

    static func encoded(_ text: String) -> String { encoded(Array(text.utf8)) }

    static func encoded(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

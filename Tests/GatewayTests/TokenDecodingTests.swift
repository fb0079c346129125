import Foundation
import Logging
import MartletCore
import MartletTesting
import Testing

@testable import MartletTokens

/// The cost of decoding a token is linear in its length, and its length is limited.
@Suite struct TokenDecodingTests {
    @Test func rejectsTokensWithManyParts() {
        for token in [
            String(repeating: ".", count: 8192), String(repeating: ".", count: 1_000_000), "", ".", "..", "...", "a.b",
            String(repeating: "a", count: 8193), "e30.e30.", "e30.e30.AA", "W10.e30.AAAA", "bnVsbA.e30.AAAA",
        ] {
            #expect(throws: Problem.invalidToken) { try CompactToken(Array(token.utf8)) }
        }
    }

    /// Names, ids and audiences that would be slow to compare or hash as Unicode.
    @Test func hostileTextsCostLinearTime() async throws {
        func marks(_ count: Int) -> String { String(repeating: "\u{301}\u{316}", count: count) }
        var issuer = TokenIssuer()
        issuer.keys = [.init(.hs256, id: "k", material: Array(String(repeating: "k", count: 32).utf8))]
        issuer.issuer = "a"
        issuer.audience = "a"
        let checker = TokenChecker(issuer, keys: TokenKeys(issuer, logger: .init(label: "test")))
        for (start, end) in [
            (#"{"alg":"HS256","a"#, #"":1}"#), (#"{"alg":"HS256","kid":"k"#, #""}"#),
            (#"{"alg":"H"#, #"","kid":"k"}"#), (#"{"alg":"HS256","typ":"a"#, #""}"#),
        ] {
            let growth = await CPUTime.growthOfProcess(at: 175) { count in
                let token = Array("\(Self.encoded(start + marks(count) + end)).e30.AAAA".utf8)
                #expect(token.count <= CompactToken.maximumLength)
                await #expect(throws: Problem.invalidToken) { try await checker.claims(of: token) }
            }
            #expect(growth < 3, "\(start)")
        }
        // The claims of a signed token of the maximum size.
        func many(_ count: Int) -> String { (0..<count).map { "\"a\($0)\"" }.joined(separator: ",") }
        let claims: [(Int) -> String] = [
            { #""aud":[\#(many($0))]"# }, { #""iss":"a\#(marks($0))""# }, { #""aud":["a\#(marks($0))"]"# },
        ]
        for claims in claims {
            let growth = try CPUTime.growth(at: 175) { count in
                let members = try #require(try JSONValue(parsing: Array("{\(claims(count))}".utf8)).objectValue)
                #expect(throws: Problem.invalidToken) { try TokenClaims(members + [("exp", 10)], issuer, at: 0) }
            }
            #expect(growth < 3)
        }
    }

    @Test func rejectsInvalidTimes() {
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

import Foundation
import Logging
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletTokens

/// Tokens of any shape cost in proportion to their length, and beyond a length nothing.
@Suite struct TokenDecodingTests {
    /// Counts how often its elements are read.
    private struct Counted: Collection {
        final class Reads: Sendable {
            private let count = Mutex(0)
            var value: Int { count.withLock { $0 } }
            func add() { count.withLock { $0 += 1 } }
        }

        let bytes: [UInt8]
        let reads = Reads()
        var startIndex: Int { 0 }
        var endIndex: Int { bytes.count }
        func index(after index: Int) -> Int { index + 1 }
        func index(_ index: Int, offsetBy distance: Int) -> Int { index + distance }
        func distance(from start: Int, to end: Int) -> Int { end - start }
        subscript(index: Int) -> UInt8 {
            reads.add()
            return bytes[index]
        }
    }

    @Test func decodesBase64InOnePass() {
        for text in [String(repeating: "A", count: 8192), String(repeating: "_", count: 8191) + "8", "////", "AA=="] {
            let counted = Counted(bytes: Array(text.utf8))
            _ = Base64URL.decode(counted)
            #expect(counted.reads.value <= counted.bytes.count)
        }
    }

    /// RFC 4648 §3.5, §5 and §10.
    @Test func rejectsNonCanonicalBase64() {
        let values = [
            "": "", "f": "Zg", "fo": "Zm8", "foo": "Zm9v", "foob": "Zm9vYg", "fooba": "Zm9vYmE", "foobar": "Zm9vYmFy",
        ]
        for (value, text) in values { #expect(Base64URL.decode(Array(text.utf8)) == Array(value.utf8)) }
        #expect(Base64URL.decode(Array("-_-_".utf8)) == [0xFB, 0xFF, 0xBF])
        for text in ["Z", "Zm9vY", "Zg==", "Zg=", "Zh", "Zm9", "+/+/", "Zm 8", "Zm8\n", "Zm8\0", "Zä"] {
            #expect(Base64URL.decode(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func rejectsTokensWithManyParts() {
        for token in [
            String(repeating: ".", count: 8192), String(repeating: ".", count: 1_000_000), "", ".", "..", "...", "a.b",
            String(repeating: "a", count: 8193), "e30.e30.", "e30.e30.AA", "W10.e30.AAAA", "bnVsbA.e30.AAAA",
        ] {
            #expect(throws: Problem.invalidToken) { try CompactToken(Array(token.utf8)) }
        }
    }

    /// What would be slow if names, ids and audiences were compared or hashed as Unicode does.
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
        // Claims of a signed token are decoded from anything that fits.
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

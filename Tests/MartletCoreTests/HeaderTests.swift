import MartletCore
import Testing

@Suite struct EntityTagsTests {
    private func contain(_ list: String, _ tag: String = "\"a\"", strong: Bool = false) -> Bool {
        EntityTags.contain(list, tag, isStrong: strong)
    }

    @Test func findsATagInAList() {
        for list in [
            "\"a\"", "*", " * ", "\"b\", \"a\"", "\"b\",\t\"a\" ", ",,\"a\"", "W/\"a\"", "\"b\"\"a\"", "x, \"a\"",
            "W/, \"a\"",
        ] { #expect(contain(list), "\(list)") }
        for list in ["", ",", "a", "\"A\"", "\"aa\"", "\"a", "w/\"a\"", "\"b, a\"", "**", "\"b\\\", \"c", "\"\""] {
            #expect(!contain(list), "\(list)")
        }
    }

    /// RFC 9110 §8.8.3.2.
    @Test func comparesWeakTagsOnlyWeakly() {
        #expect(contain("\"1\"", "\"1\"", strong: true) && contain("*", "W/\"1\"", strong: true))
        for (one, other) in [("W/\"1\"", "W/\"1\""), ("W/\"1\"", "\"1\""), ("\"1\"", "W/\"1\"")] {
            #expect(!contain(one, other, strong: true) && contain(one, other))
        }
    }

    @Test func keepsCommasInTags() {
        #expect(contain("\"b,c\", \"d\"", "\"b,c\"") && !contain("\"b,\"a\",c\""))
    }

    @Test func matchesUnquotedTagsExactly() {
        #expect(contain("b, abc", "abc") && !contain("\"abc\"", "abc") && !contain("abc", "\"abc\""))
    }

    @Test func distinguishesElements() {
        let kinds = EntityTags("*, W/\"x\" \"y\", z z".utf8).map { element in
            switch element {
            case .any: "any"
            case .tag(let opaque, let isWeak): "\(isWeak ? "weak " : "")\(Substring(opaque))"
            case .malformed(let text): "malformed \(Substring(text))"
            }
        }
        #expect(kinds == ["any", "weak \"x\"", "\"y\"", "malformed z"])
    }

    @Test(arguments: ["\"", "\"\",", "W/", "W/\"", ",", "\"a\" ", "*", "a,", "\"a"])
    func readsInLinearTime(_ part: String) {
        let counted = CountedBytes(String(repeating: part, count: 20_000))
        var elements = EntityTags(counted)
        while elements.next() != nil {}
        #expect(counted.reads.value <= 8 * counted.bytes.count)
    }
}

@Suite struct CookiesTests {
    private func values(_ name: String, _ field: String) -> [String] {
        var found: [String] = []
        Array(field.utf8).withUnsafeBytes { bytes in
            Cookies.forEachValue(of: name.utf8, in: bytes) { found.append(String(decoding: $0, as: UTF8.self)) }
        }
        #expect(Cookies.first(name, in: field) == found.first)
        return found
    }

    @Test func findsValuesByName() {
        #expect(values("a", "a=1") == ["1"])
        #expect(values("a", "b=2; a=1; a=3") == ["1", "3"])
        #expect(values("a", "b=2;a=x=y \t;c=3") == ["x=y"])
        #expect(values("a", "a=") == [""])
        #expect(values("a", "a=\"q;r\"") == ["\"q"])
        #expect(values("a", "a=\"q\"; a=\"") == ["q", "\""])
    }

    @Test(arguments: ["", ";", "a", "A=1", "aa=1", "b=a=1", "a =1", ";;;", "=1", "b=; ;"])
    func ignoresOtherCookies(_ field: String) { #expect(values("a", field) == []) }

    @Test func comparesNamesAsBytes() {
        #expect(values("a", "a\u{301}=1") == [])
        #expect(values("\u{E9}", "e\u{301}=1; \u{E9}=2") == ["2"])
    }

    @Test func toleratesSeparatorsOnly() {
        for part in [";", " ", "a", "=", "a=;", "\""] {
            let found = values("a", String(repeating: part, count: 10_000))
            #expect(found.allSatisfy(\.isEmpty) && found.count == (part == "a=;" ? 10_000 : 0))
        }
    }
}

@Suite struct MethodNotAllowedTests {
    @Test func namesAllowedMethods() {
        let one = Problem.methodNotAllowed(allowed: ["GET"])
        #expect(one.status == 405 && one.code == "method_not_allowed" && one.detail == "Only GET is allowed here.")
        let three = Problem.methodNotAllowed(allowed: ["GET", "HEAD", "POST"])
        #expect(three.detail == "Only GET, HEAD and POST are allowed here.")
        #expect(three.headers.map { "\($0.name): \($0.value)" } == ["Allow: GET, HEAD, POST"])
    }
}

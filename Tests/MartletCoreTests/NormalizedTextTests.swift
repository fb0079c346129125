import MartletCore
import Testing

@Suite struct NormalizedTextTests {
    private func code(_ text: String, maximumUTF8: Int = 1000) -> String? {
        do throws(ScalarIssue) {
            try NormalizedText.check(text, maximumUTF8: maximumUTF8)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func composesDecomposedText() throws {
        let composed = try NormalizedText.nfc("e\u{301} u\u{308}\u{304}", maximumUTF8: 100)
        #expect(composed.unicodeScalars.elementsEqual("\u{E9} \u{1D6}".unicodeScalars))
        #expect(try NormalizedText.nfkc("\u{FB01}\u{FF21}", maximumUTF8: 100) == "fiA")
        // All text below U+0300 is composed.
        #expect(try NormalizedText.nfc("plain é \u{2FF}", maximumUTF8: 100) == "plain é \u{2FF}")
    }

    @Test func limitsBytesBeforeReadingText() {
        #expect(code(String(repeating: "a", count: 1000)) == nil)
        #expect(code(String(repeating: "a", count: 1001)) == "too_long")
        #expect(code("a" + String(repeating: "\u{301}\u{316}", count: 500_000)) == "too_long")
    }

    @Test func refusesRunsOfCombiningMarks() {
        #expect(code("a" + String(repeating: "\u{301}", count: 30)) == nil)
        #expect(code("a" + String(repeating: "\u{301}", count: 31)) == "invalid_text")
        #expect(code(String(repeating: "\u{316}\u{301}", count: 16)) == "invalid_text")
        // Many combining marks, but no long run.
        #expect(code(String(repeating: "a\u{301}\u{316}", count: 200)) == nil)
        #expect(code("x\u{1D165}" + String(repeating: "\u{1D165}", count: 40)) == "invalid_text")
    }
}

@Suite struct SuggestionTests {
    private let names = ["price", "price__gte", "category", "is_active", "created_at", "name"]

    @Test(arguments: [
        ("pirce", "price"), ("Price", "price"), ("categry", "category"), ("is-active", "is_active"),
        ("createdAt", "created_at"), ("price_gte", "price__gte"), ("nam", "name"),
    ])
    func suggestsTheIntendedName(text: String, expected: String) {
        #expect(Suggestion.closest(to: text, among: names) == expected)
    }

    @Test(arguments: ["", "x", "stock", "zzzzzz", "productprice", String(repeating: "price", count: 100)])
    func suggestsNothingFarFetched(text: String) {
        #expect(Suggestion.closest(to: text, among: names) == nil)
    }

    /// Long names are not compared, so they cost nothing.
    @Test func comparesBoundedNamesOnly() {
        let long = String(repeating: "a", count: 100_000)
        #expect(Suggestion.closest(to: long, among: [long]) == nil)
        #expect(Suggestion.closest(to: "a", among: [long]) == nil)
    }
}

import MartletCore
import Testing

@testable import MartletData

private struct Item: Model {
    let id: ID<Item>
    let name: String
    let text: String

    static let table = "items"
    static let rules = Rules {
        Rule(CodingKeys.id, "The number.", list: .filter)
        Rule(CodingKeys.name, "The name.", list: [.search, .order])
        Rule(CodingKeys.text, "The text.", list: [.search, .filter])
    }
}

/// The cost of searching, counted in steps.
@Suite struct SearchCostTests {
    private func comparisons(_ terms: String, in text: String) -> (count: Int, isFound: Bool) {
        var terms = terms
        var text = text
        let pattern = terms.withUTF8 { SearchPattern(terms: $0) }
        let isFound = text.withUTF8 { pattern.matches([$0]) }
        return (pattern.comparisons, isFound)
    }

    @Test(arguments: ["a", "ä", "茶", "😀"]) func termCostsAtMostTwoComparisonsPerScalar(_ letter: String) {
        let text = String(repeating: letter, count: 10_000)
        let term = String(repeating: letter, count: 199) + "b"
        let result = comparisons(term, in: text)
        #expect(!result.isFound)
        #expect(result.count <= 2 * 10_000)
        let periodic = comparisons(String(repeating: letter + letter + "b", count: 60), in: text)
        #expect(periodic.count <= 2 * 10_000)
    }

    @Test func termsCostTheirSum() {
        let text = String(repeating: "a", count: 10_000)
        let terms = (0..<SearchTerms.maximum).map { String(repeating: "a", count: 10 + $0) }.joined(separator: " ")
        #expect(comparisons(terms, in: text).isFound)
        #expect(comparisons(terms + "b", in: text).count <= SearchTerms.maximum * 2 * 10_000)
    }

    @Test func combiningMarksCostNoMore() {
        let text = "e" + String(repeating: "\u{301}\u{316}", count: 5_000)
        #expect(comparisons("\u{316}\u{301}", in: text).count <= 2 * 10_001)
    }

    @Test func limitsTheNumberOfWords() throws {
        let contract = ListContract<Item>()
        let ten = (0..<10).map { "w\($0)" }.joined(separator: "\u{3000}")
        _ = try contract.read([("search", ten)])
        for text in [ten + " w10", String(repeating: "a ", count: 100)] {
            let problem = #expect(throws: Problem.self) { try contract.read([("search", text)]) }
            #expect(problem?.status == 422)
            #expect(problem?.errors.map(\.code) == ["too_many_terms"])
        }
        #expect(SearchTerms.split(String(repeating: "a ", count: 500_000)).count == 11)
    }

    /// A client's late page must not slow down the first page of others, although the statement is the same.
    @Test func distantPageIsNotALookup() throws {
        let contract = ListContract<Item>()
        func kind(_ query: (name: String, value: String)...) throws -> StatementKind { try contract.read(query).kind }
        #expect(try kind() == .lookUp)
        #expect(try kind(("page", "50")) == .lookUp)
        #expect(try kind(("skip", "1001")) == .scan)
        #expect(try kind(("page", "52")) == .scan)
        #expect(try kind(("search", "a")) == .scan)
        #expect(try kind(("ordering", "-name")) == .list)
        #expect(try kind(("text", "a")) == .list)
    }

    @Test func limitsComparedTexts() throws {
        let contract = ListContract<Item>()
        let lengths = Dictionary(
            uniqueKeysWithValues: contract.parameters.compactMap { parameter in
                parameter.rule.length.map { (parameter.name, $0.upperBound) }
            })
        #expect(lengths == ["search": 200, "ordering": 300, "text": 300, "text__in": 300, "id__in": 2000])
        for (name, length) in lengths {
            for text in [String(repeating: "x", count: length + 1), String(repeating: "茶", count: length + 1)] {
                let problem = #expect(throws: Problem.self) { try contract.read([(name, text)]) }
                #expect(problem?.errors.map(\.code) == ["too_long"], "\(name)")
            }
        }
        // The limit applies to the composed text, which is the stored form.
        let decomposed = String(repeating: "e\u{301}", count: 300)
        #expect(try contract.read([("text", decomposed)]).filters.count == 1)
        // A hundred numbers of maximum length.
        let numbers = Array(repeating: "\(Int64.max)", count: 100).joined(separator: ",")
        #expect(try contract.read([("id__in", numbers)]).filters.count == 1)
    }

    @Test func searchBindsOneValuePerWordAndColumn() throws {
        let words = (0..<10).map { "w\($0)" }.joined(separator: " ")
        let query = try ListContract<Item>().read([("search", words), ("ordering", "-name")])
        #expect(query.condition(.sqlite).values.count == 1)
        #expect(query.condition(.postgres).values.count == 20)
        #expect(query.order(.postgres).text.count < 100)
    }

    @Test func foldMatchesSwiftsLowercase() {
        // Latin to Cherokee, Georgian, Cyrillic and Latin extensions, full width, and the scripts above.
        let ranges: [ClosedRange<UInt32>] = [
            0...0x5FF, 0x10A0...0x10FF, 0x13A0...0x13FF, 0x1C80...0x1FFF, 0x2100...0x218F, 0x2C00...0x2DFF,
            0x4E00...0x4E0F, 0xA640...0xA7FF, 0xAB30...0xABBF, 0xFF00...0xFF5F, 0x1_0400...0x1_04FF,
            0x1_E900...0x1_E95F,
        ]
        let different = ranges.joined().compactMap(Unicode.Scalar.init).filter { scalar in
            var text = String(scalar)
            let expected = scalar.properties.lowercaseMapping.unicodeScalars.first?.value
            return text.withUTF8 { TextFold.scalars(of: $0) } != expected.map { [$0] }
        }
        #expect(different.isEmpty)
    }

    @Test func comparesInvalidUTF8() {
        let broken: [UInt8] = [0xE8, 0x8C, 0x41, 0xFF, 0xC3]
        broken.withUnsafeBufferPointer { bytes in
            #expect(TextFold.scalars(of: bytes).count == 5)
            #expect(TextFold.compare(bytes, bytes) == 0)
        }
    }
}

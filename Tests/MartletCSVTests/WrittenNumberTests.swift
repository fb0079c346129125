import MartletCSV
import Testing

@Suite struct WrittenNumberTests {
    /// Numbers as written, and their values with a decimal point and with a decimal comma.
    @Test(
        arguments: [
            ("12.50", "12.50", nil), ("12,50", nil, "12.50"), ("1,234.50", "1234.50", nil),
            ("1.234,50", nil, "1234.50"),
            (".5", "0.5", nil), (",5", nil, "0.5"), ("15 000", "15000", "15000"), ("15\u{A0}000,5", nil, "15000.5"),
            ("1'234.50", "1234.50", nil), ("1’234", "1234", "1234"), ("1,234,567", "1234567", nil),
            ("1.234.567", nil, "1234567"), ("12,34,567.5", "1234567.5", nil), ("0.500", "0.500", nil),
            ("0,500", nil, "0.500"), ("1234.567", "1234.567", nil), ("1,234", "1234", "1.234"),
            ("1.234", "1.234", "1234"),
            ("39", "39", "39"), ("-5", "-5", "-5"), ("\u{2212}5,0", nil, "-5.0"), ("+7", "7", "7"), (" 8 ", "8", "8"),
        ] as [(String, String?, String?)])
    func readsCommonNotations(_ text: String, _ point: String?, _ comma: String?) throws {
        let number = try #require(WrittenNumber(text))
        #expect(number.plain(.point) == point)
        #expect(number.plain(.comma) == comma)
        #expect(number.currency == nil)
    }

    @Test(arguments: [
        ("$2.50", "$"), ("2,50 €", "€"), ("EUR 2.50", "EUR"), ("2.50EUR", "EUR"), ("-$2.50", "$"), ("$-2.50", "$"),
        ("kr 15", "kr"), ("Fr. 5", "Fr."), ("￥15", "￥"), ("US$ 3", "US$"),
    ])
    func keepsTheCurrency(_ text: String, _ currency: String) throws {
        #expect(try #require(WrittenNumber(text)).currency == currency)
    }

    @Test(arguments: [
        "", "abc", "1,2,3", "1..2", "1.2.3,4,5", "12 34", "1e5", "0x10", "$5€", "--5", "1 234 56", "5 000.000,0",
        String(repeating: "1", count: 65),
    ])
    func rejectsNonNumbers(_ text: String) { #expect(WrittenNumber(text) == nil) }

    @Test func usesOtherCellsToResolveAmbiguity() throws {
        func verdict(_ texts: String...) throws -> DecimalEvidence.Verdict {
            var evidence = DecimalEvidence()
            for (index, text) in texts.enumerated() {
                evidence.add(try #require(WrittenNumber(text)), text, line: index + 2)
            }
            return evidence.verdict
        }
        #expect(try verdict("1,234", "12.50") == .mark(.point))
        #expect(try verdict("1,234", "12,5") == .mark(.comma))
        #expect(try verdict("1234", "15 000") == .mark(.point))
        #expect(try verdict("7", "1,234") == .undecided(.init(line: 3, text: "1,234")))
        #expect(
            try verdict("12.50", "12,50")
                == .contradiction(.init(line: 2, text: "12.50"), .init(line: 3, text: "12,50")))
    }
}

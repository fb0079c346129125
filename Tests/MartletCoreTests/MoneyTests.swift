import MartletCore
import Testing

@Suite struct MoneyTests {
    @Test(arguments: [
        ("0", 0), ("18", 1800), ("18.5", 1850), ("18.00", 1800), ("0.1", 10), ("1.8e1", 1800), ("180e-1", 1800),
        ("1.10000", 110), ("-0", 0), ("999999999999.99", 99_999_999_999_999), ("007", 700), ("0e999", 0),
    ])
    func readsDecimalsExactly(text: String, minorUnits: Int64) throws {
        #expect(try Money(decimal: text).minorUnits == minorUnits)
    }

    @Test(arguments: [
        "", " ", "abc", "1,5", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "1_000", "--1", "1.2.3", "é",
        "1e99999",
    ])
    func rejectsNonNumericAmounts(text: String) {
        #expect(throws: Money.ParseError.notANumber) { try Money(decimal: text) }
    }

    @Test(arguments: ["1000000000000", "1e12", "1e999", "99999999999999999999999"])
    func rejectsLargeAmounts(text: String) {
        #expect(throws: Money.ParseError.tooLarge) { try Money(decimal: text) }
    }

    @Test func refusesNegativesAndThirdDecimals() {
        #expect(throws: Money.ParseError.negative) { try Money(decimal: "-0.01") }
        #expect(throws: Money.ParseError.tooManyDecimals) { try Money(decimal: "0.001") }
        #expect(throws: Money.ParseError.tooManyDecimals) { try Money(decimal: "1e-3") }
    }

    @Test func writesTwoDigits() throws {
        #expect(try Money(decimal: "18.5").description == "18.50")
        #expect(try Money(decimal: "0.05").description == "0.05")
    }

    @Test func staysWithinItsBounds() {
        #expect(Money(minorUnits: -1) == nil)
        #expect(Money(minorUnits: .max) == nil)
        #expect(Money(minorUnits: 1)?.description == "0.01")
    }
}

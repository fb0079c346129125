import MartletCSV
import Testing

@Suite struct CSVDialectTests {
    private func delimiter(_ text: String) throws -> Character {
        let dialect = try CSVDialect.detect(Array(text.utf8)) { $0.contains("name") && $0.contains("price") }
        return Character(UnicodeScalar(dialect.delimiter))
    }

    @Test func findsTheSeparatorByTheColumns() throws {
        #expect(try delimiter("name,price\n") == ",")
        #expect(try delimiter("sku;name;price\nA;B;1,50\n") == ";")
        #expect(try delimiter("name\tprice\tsize, weight, colour\n") == "\t")
        #expect(try delimiter("\n\nname|price") == "|")
        #expect(try delimiter("Titel;Preis;Menge") == ";", "of others, what makes the most columns")
    }

    @Test func honoursTheSepLine() throws {
        for line in ["sep=;\r\n", "SEP=;\n", "\"sep=;\"\n", "sep=;"] {
            let dialect = try CSVDialect.detect(Array(line.utf8)) { _ in false }
            #expect(dialect == CSVDialect(delimiter: UInt8(ascii: ";"), start: line.utf8.count), "\(line)")
        }
        let text = Array("sep=;\r\nname;price\r\nA;1\r\n".utf8)
        let records = try CSVReader.read(text, try CSVDialect.detect(text) { _ in false })
        #expect(records.map(\.line) == [2, 3])
        #expect(try delimiter("sep=,name,price\n") == ",", "a column may be called so")
    }

    @Test func reportsAnAmbiguousSeparator() {
        #expect(throws: CSVError.ambiguousDelimiter([",", ";"])) { try delimiter("name,price,a;name;price;b") }
    }

    @Test func givenSeparatorWins() throws {
        let dialect = try CSVDialect.detect(Array("name,price".utf8), delimiter: "/") { _ in true }
        #expect(dialect.delimiter == UInt8(ascii: "/"))
    }
}

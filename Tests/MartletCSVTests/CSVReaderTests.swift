import MartletCSV
import Testing

@Suite struct CSVReaderTests {
    private func rows(_ text: String, _ delimiter: Character = ",") throws -> [[String]] {
        let dialect = CSVDialect(delimiter: try #require(delimiter.asciiValue))
        return try CSVReader.read(Array(text.utf8), dialect).map(\.cells)
    }

    @Test func readsQuotedCells() throws {
        #expect(try rows("a,\"b,c\",\"d\"\"e\",\"\"\n") == [["a", "b,c", "d\"e", ""]])
        #expect(try rows("\"two\nlines\",x") == [["two\nlines", "x"]])
        #expect(try rows("a, \"b, c\" ,d") == [["a", "b, c", "d"]], "blanks around the quotes are not meant")
        #expect(try rows("a\t\"b\"\tc", "\t") == [["a", "b", "c"]])
    }

    /// People do not double quotes by hand.
    @Test func readsQuotesInsideUnquotedCells() throws {
        #expect(try rows("12\" Vinyl,5") == [["12\" Vinyl", "5"]])
        #expect(try rows("\"12\" Vinyl\",5") == [["12\" Vinyl", "5"]])
        #expect(try rows("\"12\" Vinyl, black\",5") == [["12\" Vinyl, black", "5"]])
        #expect(try rows("\"Best\" tea,5\nnext,6") == [["\"Best\" tea", "5"], ["next", "6"]])
        #expect(try rows("\"A\"x,\"B\"") == [["\"A\"x", "B"]])
        #expect(try rows("the \"best\",\"or \"second\" best\",5") == [["the \"best\"", "or \"second\" best", "5"]])
    }

    @Test func reportsTheLineOfAnUnclosedQuote() {
        #expect(throws: CSVError.syntax(line: 2, message: "a quote is not closed")) { try rows("a,b\n\"A,1\nB,2") }
        // The next row begins with a quote, which does not close this one.
        #expect(throws: CSVError.syntax(line: 2, message: "a quote is not closed before the one in line 3")) {
            try rows("a,b\n\"A,1\n\"B\",2\n")
        }
    }

    @Test func knowsTheLineOfEachRecord() throws {
        let text = "a,b\r\n\r\n\"x\r\ny\",1\r\n;;;\n , \nlast,2\r\rold,3"
        let records = try CSVReader.read(Array(text.utf8), CSVDialect(delimiter: UInt8(ascii: ",")))
        #expect(records.map(\.line) == [1, 3, 5, 7, 9])
        #expect(records.map { $0.cells[0] } == ["a", "x\r\ny", ";;;", "last", "old"])
    }

    @Test func skipsRowsOfSeparatorsOnly() throws {
        #expect(try rows("a;b\n;;;;;\n ; ;\t\n\n1;2\n;\n", ";") == [["a", "b"], ["1", "2"]])
    }

    @Test func limitsTheLengthOfACell() {
        let long = "a,b\n\"" + String(repeating: "x\n", count: CSVReader.maximumCell)
        #expect(throws: CSVError.self) { try rows(long) }
        #expect(throws: CSVError.self) { try rows(String(repeating: ",", count: CSVReader.maximumColumns + 1)) }
    }

    /// Counts the bytes examined: each at most a few times, for any text.
    @Test(arguments: [
        "x", "\"", ",", "\n", " ", "\"\"", "\" ", "\",", ",\"", "\"a\"b", "\"a\"b,", "\"a\" b\"", "a\"", "\"\n",
        "\r", "\" \" ,", "é", "\u{301}\u{316}", "\"a\"b,x,x,x,",
    ])
    func costIsLinearInLength(_ piece: String) throws {
        for beginning in ["", "\"", "a,\"x"] {
            let text = Array((beginning + String(repeating: piece, count: 200_000 / piece.utf8.count)).utf8)
            var reader = CSVReader(text, CSVDialect(delimiter: UInt8(ascii: ",")))
            do { while try reader.next() != nil {} } catch {}
            #expect(reader.steps <= 6 * text.count + 100, "\(reader.steps) steps for \(text.count) bytes")
        }
    }
}

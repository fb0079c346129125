import Foundation
import MartletCSV
import Testing

@Suite struct TextEncodingTests {
    private let text = "name,price\n茶 Café,1\n"

    private func decoded(_ bytes: [UInt8], _ encoding: TextEncoding? = nil) throws -> String {
        String(decoding: try TextEncoding.decode(bytes, as: encoding).text, as: UTF8.self)
    }

    private func bytes(_ encoding: String.Encoding) throws -> [UInt8] {
        Array(try #require(text.data(using: encoding)))
    }

    @Test func detectsUTF8AndUTF16() throws {
        let utf8 = Array(text.utf8)
        #expect(try decoded(utf8) == text)
        #expect(try decoded([0xEF, 0xBB, 0xBF] + utf8) == text)
        let little = try bytes(.utf16LittleEndian)
        let big = try bytes(.utf16BigEndian)
        for file in [little, big, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big] { #expect(try decoded(file) == text) }
        let utf16 = try TextEncoding(named: "UTF-16")
        for file in [little, big, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big] {
            #expect(try decoded(file, utf16) == text, "whichever it is")
        }
    }

    @Test func usesTheGivenEncoding() throws {
        let gbk = Array("name\n".utf8) + [0xB2, 0xE8]
        #expect(try decoded(gbk, .gbk) == "name\n茶")
        let western = Array("Caf".utf8) + [0xE9, 0x20, 0x80]
        #expect(try decoded(western, .windows1252) == "Café €")
        for name in ["GBK", "gb2312", "GB18030"] { #expect(try TextEncoding(named: name) == .gbk) }
        for name in ["windows-1252", "CP1252", "latin1", "ISO-8859-1"] {
            #expect(try TextEncoding(named: name) == .windows1252)
        }
        #expect(try decoded([0xCF, 0xF0], TextEncoding(named: "windows-1251")) == "Пр")
        for name in ["", "nonsense", "UTF-8//IGNORE", "../x"] {
            #expect(throws: CSVError.noSuchEncoding(name)) { try TextEncoding(named: name) }
        }
    }

    /// A wrong guess between GBK and Windows-1252 would silently import wrong names.
    @Test func doesNotGuess() {
        let line = Array("Caf".utf8) + [0xE9] + Array(",1".utf8)
        #expect(throws: CSVError.unknownEncoding(line: 2, bytes: line)) {
            try TextEncoding.decode(Array("name,price\n".utf8) + line + [0x0A])
        }
        #expect(throws: CSVError.wrongEncoding(line: 2, encoding: "GB18030")) {
            try TextEncoding.decode(Array("name\n".utf8) + [0xFF, 0xFF], as: .gbk)
        }
        #expect(throws: CSVError.wrongEncoding(line: 1, encoding: "UTF-8")) {
            try TextEncoding.decode([0xE9, 0x20], as: .utf8)
        }
    }

    @Test func reportsBytesThatAreNotText() {
        let workbook: [UInt8] = [0x50, 0x4B, 0x03, 0x04, 0x00, 0xFF]
        #expect(throws: CSVError.notText("an Excel workbook (or another ZIP archive)")) {
            try TextEncoding.decode(workbook)
        }
        #expect(throws: CSVError.notText("NUL bytes")) { try TextEncoding.decode([0x61, 0x00, 0x00, 0x62]) }
        #expect(throws: CSVError.self) { try TextEncoding.decode(Array("%PDF-1.7".utf8)) }
    }

    @Test func decodesLongTexts() throws {
        let long = String(repeating: "茶,é\n", count: 100_000)
        let bytes = Array(try #require(long.data(using: .utf16LittleEndian)))
        #expect(try decoded([0xFF, 0xFE] + bytes).utf8.elementsEqual(long.utf8))
    }
}

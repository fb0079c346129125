/// The delimiter of a table, and where its header begins.
public struct CSVDialect: Sendable, Equatable {
    /// An ASCII character.
    public let delimiter: UInt8
    /// The position of the header: 0, or after a line `sep=;`, which Excel writes and reads.
    public let start: Int

    /// The delimiters that detection tries.
    public static let delimiters: [Character] = [",", ";", "\t", "|"]

    public init(delimiter: UInt8, start: Int = 0) {
        self.delimiter = delimiter
        self.start = start
    }

    /// Detects the delimiter: the given one, else that of the file's `sep=` line, else the only one with which the
    /// header has the expected columns.
    /// - Parameters:
    ///   - delimiter: the delimiter set by the user: ASCII, and neither a quote nor a line break.
    ///   - isHeader: whether these cells contain the expected columns.
    /// - Throws: ``CSVError/ambiguousDelimiter(_:)`` when more than one delimiter fits.
    public static func detect(
        _ text: [UInt8], delimiter: Character? = nil, isHeader: ([String]) -> Bool
    ) throws(CSVError) -> CSVDialect {
        let said = separatorLine(text)
        let start = said?.end ?? 0
        if let byte = delimiter?.asciiValue ?? said?.delimiter { return CSVDialect(delimiter: byte, start: start) }
        var fitting: [Character] = []
        var widest = (columns: 0, delimiter: UInt8(ascii: ","))
        for character in delimiters {
            guard let byte = character.asciiValue else { continue }
            var reader = CSVReader(text, CSVDialect(delimiter: byte, start: start))
            guard let header = reader.header() else { continue }
            if isHeader(header) { fitting.append(character) }
            if header.count > widest.columns { widest = (header.count, byte) }
        }
        guard fitting.count <= 1 else { throw .ambiguousDelimiter(fitting) }
        return CSVDialect(delimiter: fitting.first?.asciiValue ?? widest.delimiter, start: start)
    }

    /// Reads `sep=;` in the first line, with or without quotes.
    private static func separatorLine(_ text: [UInt8]) -> (delimiter: UInt8, end: Int)? {
        let quote = UInt8(ascii: "\"")
        var index = text.first == quote ? 1 : 0
        for letter in Array("sep=".utf8) {
            guard index < text.count, text[index] | 0x20 == letter | 0x20 else { return nil }
            index += 1
        }
        guard index < text.count, text[index] != 0x0A, text[index] != 0x0D, text[index] < 0x80 else { return nil }
        let delimiter = text[index]
        index += 1
        if text.first == quote, index < text.count, text[index] == quote { index += 1 }
        if index < text.count, text[index] == 0x0D { index += 1 }
        if index < text.count, text[index] == 0x0A { index += 1 } else if index < text.count { return nil }
        return (delimiter, index)
    }
}

extension CSVReader {
    /// The first record that is not blank; nil when it cannot be read.
    fileprivate mutating func header() -> [String]? {
        while let record = try? next() {
            if !record.isBlank { return record.cells }
        }
        return nil
    }
}

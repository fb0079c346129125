/// How a table separates its cells, and where it begins.
public struct CSVDialect: Sendable, Equatable {
    /// An ASCII character.
    public let delimiter: UInt8
    /// The first byte of the header: not 0 behind a line `sep=;`, which Excel writes and reads.
    public let start: Int

    /// What is tried where nobody has said it.
    public static let delimiters: [Character] = [",", ";", "\t", "|"]

    public init(delimiter: UInt8, start: Int = 0) {
        self.delimiter = delimiter
        self.start = start
    }

    /// Takes what somebody has said, then the file's own line `sep=`, then the one separator with which the header has
    /// the columns that are looked for.
    /// - Parameters:
    ///   - delimiter: what somebody has said; ASCII, and neither a quote nor a line end.
    ///   - isHeader: whether these cells have the columns that are looked for.
    /// - Throws: ``CSVError/ambiguousDelimiter(_:)`` where more than one separator would do.
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

    /// `sep=;` in the first line, in quotes or not.
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
    /// The first record that is not blank; nil where it cannot be read.
    fileprivate mutating func header() -> [String]? {
        while let record = try? next() {
            if !record.isBlank { return record.cells }
        }
        return nil
    }
}

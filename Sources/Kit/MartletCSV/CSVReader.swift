/// Reads a table record by record (RFC 4180), leniently: a quote within a cell need not be doubled if its meaning is
/// unambiguous. Each record has the number of its first line, for error messages.
///
/// Reading takes time linear in the length of the text, for any input.
public struct CSVReader: Sendable {
    public struct Record: Sendable, Equatable {
        /// The first line of the record, counted from 1.
        public let line: Int
        public let cells: [String]

        /// Whether all cells are empty or contain only spaces and tabs.
        public var isBlank: Bool { cells.allSatisfy { $0.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 } } }
    }

    /// The maximum length of a cell, in bytes. A longer one probably lacks its closing quote.
    public static let maximumCell = 1 << 20
    public static let maximumColumns = 10_000

    let bytes: [UInt8]
    let delimiter: UInt8
    var position: Int
    var line: Int
    /// The number of bytes examined, for tests of the cost.
    package var steps = 0

    /// - Parameter text: valid UTF-8 without a byte order mark.
    public init(_ text: [UInt8], _ dialect: CSVDialect) {
        bytes = text
        delimiter = dialect.delimiter
        position = dialect.start
        line = dialect.start == 0 ? 1 : 2
    }

    /// Reads all records that are not blank.
    /// - Throws: ``CSVError/syntax(line:message:)``.
    public static func read(_ text: [UInt8], _ dialect: CSVDialect) throws(CSVError) -> [Record] {
        var reader = CSVReader(text, dialect)
        var records: [Record] = []
        while let record = try reader.next() { if !record.isBlank { records.append(record) } }
        return records
    }

    /// Reads the next record; nil at the end.
    /// - Throws: ``CSVError/syntax(line:message:)``.
    public mutating func next() throws(CSVError) -> Record? {
        guard position < bytes.count else { return nil }
        let start = line
        var cells: [String] = []
        while true {
            cells.append(try cell())
            guard cells.count <= Self.maximumColumns else {
                throw .syntax(line: start, message: "has more than \(Self.maximumColumns) columns")
            }
            guard position < bytes.count else { break }
            if bytes[position] == delimiter {
                position += 1
            } else {
                line += 1
                position += isLineBreak(position, ofTwo: true) ? 2 : 1
                break
            }
        }
        return Record(line: start, cells: cells)
    }

    private mutating func cell() throws(CSVError) -> String {
        let start = position
        let first = afterBlanks(start)
        if first < bytes.count, bytes[first] == quote { return try quoted(from: start, openedAt: first) }
        return try plain(from: start, onward: first)
    }

    /// Reads up to the next delimiter or line break; quotes are part of the text.
    mutating func plain(from start: Int, onward: Int) throws(CSVError) -> String {
        position = onward
        while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
        steps += position - onward + 1
        return try text(bytes[start..<position], at: line)
    }

    // MARK: Bytes

    var quote: UInt8 { UInt8(ascii: "\"") }

    func isEnd(_ byte: UInt8) -> Bool {
        byte == delimiter || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    /// Whether a line ends here: with CR LF if `ofTwo`, otherwise with a single LF or CR.
    func isLineBreak(_ index: Int, ofTwo: Bool) -> Bool {
        let isPair =
            bytes[index] == UInt8(ascii: "\r") && index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "\n")
        return ofTwo ? isPair : !isPair && (bytes[index] == UInt8(ascii: "\n") || bytes[index] == UInt8(ascii: "\r"))
    }

    /// The position after spaces and tabs. A tab is not skipped if it is the delimiter.
    mutating func afterBlanks(_ index: Int) -> Int {
        var index = index
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 && delimiter != 0x09 {
            index += 1
            steps += 1
        }
        return index
    }

    func text(_ bytes: some Collection<UInt8>, at line: Int) throws(CSVError) -> String {
        guard bytes.count <= Self.maximumCell else {
            throw .syntax(
                line: line, message: "a cell is longer than \(Self.maximumCell) bytes; is a closing quote missing?")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

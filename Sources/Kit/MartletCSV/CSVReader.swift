/// Reads a table record by record (RFC 4180), as people write it: a quote within a cell need not be doubled where it can
/// mean only one thing. Each record knows the line that it begins on, which is what a complaint must name.
///
/// Reading is linear in the length of the text, whatever is in it.
public struct CSVReader: Sendable {
    public struct Record: Sendable, Equatable {
        /// From 1.
        public let line: Int
        public let cells: [String]

        /// Whether there is nothing but separators and blanks.
        public var isBlank: Bool { cells.allSatisfy { $0.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 } } }
    }

    /// The longest cell, in bytes. What is longer is a quote that nobody closed.
    public static let maximumCell = 1 << 20
    public static let maximumColumns = 10_000

    let bytes: [UInt8]
    let delimiter: UInt8
    var position: Int
    var line: Int
    /// How many bytes have been looked at, for tests of what reading costs.
    package var steps = 0

    /// - Parameter text: valid UTF-8 without a byte order mark.
    public init(_ text: [UInt8], _ dialect: CSVDialect) {
        bytes = text
        delimiter = dialect.delimiter
        position = dialect.start
        line = dialect.start == 0 ? 1 : 2
    }

    /// Everything that is not blank.
    /// - Throws: ``CSVError/syntax(line:message:)``.
    public static func read(_ text: [UInt8], _ dialect: CSVDialect) throws(CSVError) -> [Record] {
        var reader = CSVReader(text, dialect)
        var records: [Record] = []
        while let record = try reader.next() { if !record.isBlank { records.append(record) } }
        return records
    }

    /// The next record; nil at the end.
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

    /// Everything up to the next separator or line end, quotes included.
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

    /// Whether a line ends here: with LF, CR or, `ofTwo`, both.
    func isLineBreak(_ index: Int, ofTwo: Bool) -> Bool {
        let isPair =
            bytes[index] == UInt8(ascii: "\r") && index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "\n")
        return ofTwo ? isPair : !isPair && (bytes[index] == UInt8(ascii: "\n") || bytes[index] == UInt8(ascii: "\r"))
    }

    /// The first byte that is no blank; a tab that separates is none.
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
                line: line, message: "a cell is longer than \(Self.maximumCell) bytes; is a quote not closed?")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

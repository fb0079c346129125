/// A CSV file (RFC 4180) with the line that each record begins on, which is what an error message must name. That is
/// also why it is read here: the package for CSV does not say where a record stood.
struct CSVReader {
    struct Record {
        let line: Int
        let cells: [String]
    }

    struct SyntaxError: Error {
        let line: Int
        let message: String
    }

    /// - Throws: ``SyntaxError`` for a quote that is not closed or stands in the middle, and for what is not UTF-8.
    static func read(_ bytes: [UInt8]) throws(SyntaxError) -> [Record] {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var reader = CSVReader(bytes: bytes.starts(with: byteOrderMark) ? bytes[3...] : bytes[...])
        var records: [Record] = []
        while let record = try reader.next() {
            // A blank line is one empty cell.
            if record.cells != [""] { records.append(record) }
        }
        return records
    }

    private var bytes: ArraySlice<UInt8>
    private var line = 1

    private init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    private mutating func next() throws(SyntaxError) -> Record? {
        guard !bytes.isEmpty else { return nil }
        let start = line
        var cells: [String] = []
        while true {
            cells.append(try cell())
            switch bytes.popFirst() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "\r"):
                if bytes.first == UInt8(ascii: "\n") { bytes.removeFirst() }
            default: break
            }
            line += 1
            return Record(line: start, cells: cells)
        }
    }

    private mutating func cell() throws(SyntaxError) -> String {
        var text: [UInt8] = []
        let start = line
        if bytes.first == UInt8(ascii: "\"") {
            bytes.removeFirst()
            while true {
                guard let byte = bytes.popFirst() else {
                    throw SyntaxError(line: start, message: "a quote is not closed")
                }
                if byte == UInt8(ascii: "\"") {
                    guard bytes.first == UInt8(ascii: "\"") else { break }
                    bytes.removeFirst()
                }
                if byte == UInt8(ascii: "\n") { line += 1 }
                text.append(byte)
            }
            if let byte = bytes.first, ![UInt8(ascii: ","), UInt8(ascii: "\r"), UInt8(ascii: "\n")].contains(byte) {
                throw SyntaxError(line: line, message: "something follows a closing quote")
            }
        } else {
            while let byte = bytes.first, ![UInt8(ascii: ","), UInt8(ascii: "\r"), UInt8(ascii: "\n")].contains(byte) {
                guard byte != UInt8(ascii: "\"") else {
                    throw SyntaxError(line: line, message: "a quote in the middle of a cell")
                }
                text.append(byte)
                bytes.removeFirst()
            }
        }
        guard let cell = String(validating: text, as: UTF8.self) else {
            throw SyntaxError(line: start, message: "is not UTF-8")
        }
        return cell
    }
}

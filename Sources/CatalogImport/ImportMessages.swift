import MartletCSV

/// The errors for a file that cannot be read as a table.
enum ImportMessages {
    static func lines(_ error: CSVError, in name: String) -> [String] {
        switch error {
        case .notText(let kind): ["\(name): is not a text file: it contains \(kind); save it as CSV (UTF-8)"]
        case .noSuchEncoding(let encoding): ["\(name): unknown encoding '\(encoding)'"]
        case .wrongEncoding(let line, let encoding): ["\(name):\(line): is not valid \(encoding)"]
        case .ambiguousDelimiter(let delimiters):
            [
                "\(name): the header can be read with \(delimiters.map(name(of:)).joined(separator: " and with ")); "
                    + "choose one with --delimiter"
            ]
        case .syntax(let line, let message): ["\(name):\(line): \(message)"]
        case .unknownEncoding(let line, let bytes):
            ["\(name):\(line): is neither UTF-8 nor UTF-16; set --encoding NAME\(samples(bytes))"]
        }
    }

    static func name(of delimiter: Character) -> String { delimiter == "\t" ? "tabs" : "'\(delimiter)'" }

    /// The text of the line in the usual encodings, so that the file's owner can recognize the right one.
    private static func samples(_ line: [UInt8]) -> String {
        let first = line.firstIndex { $0 >= 0x80 } ?? 0
        let part = Array(line[max(0, first - 20)..<min(line.count, first + 20)])
        let readings = [("windows-1252", TextEncoding.windows1252), ("gbk", .gbk)].compactMap { name, encoding in
            reading(part, encoding).map { "\(name) if the text is '\($0)'" }
        }
        return readings.isEmpty ? "" : ", such as " + readings.joined(separator: ", ")
    }

    /// nil if the bytes are not valid in the encoding. They may end in the middle of a character.
    private static func reading(_ part: [UInt8], _ encoding: TextEncoding) -> String? {
        for length in [part.count, part.count - 1, part.count - 2, part.count - 3] where length > 0 {
            if let (text, _) = try? TextEncoding.decode(Array(part.prefix(length)), as: encoding) {
                return String(decoding: text, as: UTF8.self)
            }
        }
        return nil
    }
}

/// The reason a text cannot be read as a table.
public enum CSVError: Error, Sendable, Equatable {
    /// The bytes are not text but, for example, a workbook or an archive. The value names the kind of file.
    case notText(String)
    /// The text is neither UTF-8 nor UTF-16. The bytes are the first invalid line, to display in possible encodings.
    case unknownEncoding(line: Int, bytes: [UInt8])
    /// The C library does not support the encoding.
    case noSuchEncoding(String)
    /// The text is not in the given encoding.
    case wrongEncoding(line: Int, encoding: String)
    /// The header can be read with more than one delimiter.
    case ambiguousDelimiter([Character])
    /// A syntax error in one line.
    case syntax(line: Int, message: String)
}

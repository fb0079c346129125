/// Why a text cannot be read as a table.
public enum CSVError: Error, Sendable, Equatable {
    /// The bytes are no text: a spreadsheet's own file, an archive, a picture. The text says what they are.
    case notText(String)
    /// Neither UTF-8 nor UTF-16. The bytes of the first line that is not, to be shown in the encodings it may be in.
    case unknownEncoding(line: Int, bytes: [UInt8])
    /// Nobody on this machine knows the encoding.
    case noSuchEncoding(String)
    /// The text is not in the encoding that was named for it.
    case wrongEncoding(line: Int, encoding: String)
    /// The header can be read with more than one separator.
    case ambiguousDelimiter([Character])
    /// What is wrong with one line.
    case syntax(line: Int, message: String)
}

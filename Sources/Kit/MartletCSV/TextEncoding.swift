/// The character encoding of a file.
public struct TextEncoding: Sendable, Hashable {
    /// The C library's name of the encoding.
    public let name: String

    public static let utf8 = TextEncoding(name: "UTF-8")
    public static let utf16LittleEndian = TextEncoding(name: "UTF-16LE")
    public static let utf16BigEndian = TextEncoding(name: "UTF-16BE")
    /// Chinese Windows and Excel. GB 18030 includes GBK and GB 2312.
    public static let gbk = TextEncoding(name: "GB18030")
    /// Western Windows and Excel. As in browsers, Latin-1 is an alias of it.
    public static let windows1252 = TextEncoding(name: "CP1252")

    private init(name: String) { self.name = name }

    /// Accepts the common names in any case, and every other name that the C library supports.
    /// - Throws: ``CSVError/noSuchEncoding(_:)``.
    public init(named text: String) throws(CSVError) {
        let folded = text.lowercased().filter { $0 != "-" && $0 != "_" && $0 != " " }
        switch folded {
        case "utf8": self = .utf8
        case "utf16", "utf16le", "unicode": self = .utf16LittleEndian
        case "utf16be": self = .utf16BigEndian
        case "gbk", "gb2312", "gb18030", "cp936": self = .gbk
        case "windows1252", "cp1252", "ansi", "latin1", "iso88591": self = .windows1252
        default:
            // The C library names Windows code pages differently.
            let name = folded.hasPrefix("windows") ? "CP" + folded.dropFirst("windows".count) : text
            let isName = name.utf8.count <= 40 && name.utf8.allSatisfy(Self.isNameByte)
            guard isName, !name.isEmpty, TextConverter.exists(name) else { throw .noSuchEncoding(text) }
            self.init(name: name)
        }
    }

    /// Excludes slashes, after which the C library expects conversion options.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

extension TextEncoding {
    /// Returns the text as UTF-8, without a byte order mark.
    ///
    /// Byte order marks, UTF-16 and UTF-8 are detected. Other encodings are not guessed, because a wrong guess would
    /// import wrong text silently.
    /// - Parameter encoding: the encoding set by the user; nil to detect it.
    /// - Throws: ``CSVError``.
    public static func decode(
        _ bytes: [UInt8], as encoding: TextEncoding? = nil
    ) throws(CSVError) -> (text: [UInt8], encoding: TextEncoding) {
        if let kind = foreignKind(bytes) { throw .notText(kind) }
        let (marked, length) = byteOrderMark(bytes)
        // "UTF-16" may have either byte order.
        let found = marked ?? withoutMark(bytes, named: encoding)
        let text: [UInt8]
        switch found {
        case .utf8?:
            text = Array(bytes[length...])
            if let line = firstLineThatIsNotUTF8(text) {
                throw encoding == nil && marked == nil
                    ? .unknownEncoding(line: line.number, bytes: line.bytes)
                    : .wrongEncoding(line: line.number, encoding: "UTF-8")
            }
        case let found?:
            do throws(TextConverter.Failure) {
                text = try TextConverter.utf8(bytes[length...], from: found.name)
            } catch {
                throw .wrongEncoding(line: error.line, encoding: found.name)
            }
        case nil: throw .notText("NUL bytes")
        }
        guard !text.contains(0) else { throw .notText("NUL bytes") }
        return (text, found ?? .utf8)
    }

    private static func byteOrderMark(_ bytes: [UInt8]) -> (TextEncoding?, Int) {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return (.utf8, 3) }
        if bytes.starts(with: [0xFF, 0xFE]) { return (.utf16LittleEndian, 2) }
        if bytes.starts(with: [0xFE, 0xFF]) { return (.utf16BigEndian, 2) }
        return (nil, 0)
    }

    /// Detects UTF-16 and its byte order by the position of zero bytes: delimiters and line breaks are ASCII.
    private static func withoutMark(_ bytes: [UInt8], named encoding: TextEncoding?) -> TextEncoding? {
        if let encoding, encoding != .utf16LittleEndian { return encoding }
        var zeros = (even: 0, odd: 0)
        for (index, byte) in bytes.prefix(4096).enumerated() where byte == 0 {
            if index % 2 == 0 { zeros.even += 1 } else { zeros.odd += 1 }
        }
        if zeros.odd > 2 * zeros.even { return .utf16LittleEndian }
        if zeros.even > 2 * zeros.odd { return .utf16BigEndian }
        return encoding ?? (zeros.even == 0 ? .utf8 : nil)
    }

    /// The kind of a file that is often mistaken for CSV, by its first bytes.
    private static func foreignKind(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return "an Excel workbook (or another ZIP archive)" }
        if bytes.starts(with: [0xD0, 0xCF, 0x11, 0xE0]) { return "an old Excel workbook" }
        if bytes.starts(with: Array("%PDF".utf8)) { return "a PDF" }
        if bytes.starts(with: [0x1F, 0x8B]) { return "a gzip archive" }
        return nil
    }

    private static func firstLineThatIsNotUTF8(_ text: [UInt8]) -> (number: Int, bytes: [UInt8])? {
        guard String(validating: text, as: UTF8.self) == nil else { return nil }
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if String(validating: line, as: UTF8.self) == nil { return (number, Array(line)) }
        }
        return (number, text)
    }
}

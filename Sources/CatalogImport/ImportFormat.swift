import MartletCSV
import MartletCore
import MartletPlatform

/// The options for a file of products. A nil option is detected from the file.
struct ImportFormat {
    var encoding: TextEncoding?
    var delimiter: Character?
    var decimal: DecimalMark?
    /// The currency of rows without one. Default: USD, as in the API.
    var currency: String?
    /// Column names by field: `["price": "unitPrice"]`.
    var columns: [String: String] = [:]
    var preset: ProductPreset?
    /// Whether a row updates the existing product with the same SKU.
    var isUpdate = false

    /// The fields for which a file must have a column.
    var required: [String] { isUpdate ? ["sku"] : ["name", "price"] }
}

extension ImportFormat {
    /// Reads `name=Title,price=Unit price, net`. A comma separates pairs only before another `field=`. Several texts
    /// are combined.
    /// - Throws: ``UsageError`` for an unknown field, and for a field mapped to two columns.
    static func columns(_ texts: [String]) throws(UsageError) -> [String: String] {
        var columns: [String: String] = [:]
        for text in texts {
            for pair in pairs(text) {
                guard let equals = pair.firstIndex(of: "="), pair.index(after: equals) < pair.endIndex else {
                    throw UsageError("--map: '\(pair)' must be field=column, such as price=unitPrice")
                }
                let field = pair[..<equals].trimmed.lowercased()
                guard ProductFile.fields.contains(field) else {
                    let fields = ProductFile.fields.joined(separator: ", ")
                    let hint = Suggestion.hint(for: field, among: ProductFile.fields)
                    throw UsageError("--map: '\(field)' is not a field; the fields are: \(fields).\(hint)")
                }
                let column = unquoted(pair[pair.index(after: equals)...].trimmed)
                if let other = columns.updateValue(column, forKey: field), other != column {
                    throw UsageError("--map: \(field) is mapped twice, to '\(other)' and to '\(column)'")
                }
            }
        }
        return columns
    }

    private static func pairs(_ text: String) -> [Substring] {
        var pairs: [Substring] = []
        var isQuoted = false
        var start = text.startIndex
        for index in text.indices {
            if text[index] == "\"" { isQuoted.toggle() }
            guard text[index] == ",", !isQuoted else { continue }
            let rest = text[text.index(after: index)...].drop { $0 == " " }
            // Field names are short, so examine only a few characters after each comma.
            let word = rest.prefix(24).prefix { $0.isASCII && ($0.isLetter || $0 == "_") }
            guard !word.isEmpty, rest.dropFirst(word.count).first == "=" else { continue }
            pairs.append(text[start..<index])
            start = text.index(after: index)
        }
        return pairs + [text[start...]]
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        return String(text.dropFirst().dropLast())
    }

    /// Reads `,`, `;`, `tab` and the like: any printable ASCII character except the quote.
    /// - Throws: ``UsageError``.
    static func delimiter(_ text: String) throws(UsageError) -> Character {
        switch text.lowercased() {
        case "comma": return ","
        case "semicolon": return ";"
        case "tab", "\\t": return "\t"
        case "pipe": return "|"
        default:
            guard let character = text.first, text.count == 1, let byte = character.asciiValue,
                byte == 9 || (32..<127).contains(byte), character != "\""
            else {
                throw UsageError("--delimiter: '\(text)' must be one character, or comma, semicolon, tab or pipe")
            }
            return character
        }
    }

    /// - Throws: ``UsageError``.
    static func decimal(_ text: String) throws(UsageError) -> DecimalMark {
        switch text.lowercased() {
        case "point", ".", "dot": return .point
        case "comma", ",": return .comma
        default: throw UsageError("--decimal: '\(text)' must be point (1,234.50) or comma (1.234,50)")
        }
    }

    /// - Throws: ``UsageError``.
    static func encoding(_ text: String) throws(UsageError) -> TextEncoding {
        do { return try TextEncoding(named: text) } catch {
            throw UsageError(
                "--encoding: unknown encoding '\(text)'; try utf-8, utf-16, gbk, windows-1252 or a name for iconv"
            )
        }
    }

    /// - Throws: ``UsageError``.
    static func currency(_ text: String) throws(UsageError) -> String {
        let code = text.uppercased()
        guard code.utf8.count == 3, code.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw UsageError("--currency: '\(text)' must be three letters (ISO 4217), such as EUR")
        }
        return code
    }
}

import MartletCore

/// Parses the query of a URL (`application/x-www-form-urlencoded`) into names and values, in order.
enum QueryString {
    /// The maximum number of parameters in a query. No list has that many filters.
    static let maximumParameters = 100
    /// The maximum length of a parameter name, in bytes.
    static let maximumNameBytes = 256

    /// - Throws: ``Problem`` 400 for invalid percent-encoding or UTF-8; 422 for too many parameters or a name that is
    ///   too long.
    static func parse(_ text: some StringProtocol) throws(Problem) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        // Split bytes, not characters: a string would first compute its grapheme clusters.
        for pair in text.utf8.split(separator: UInt8(ascii: "&")) {
            guard pairs.count < maximumParameters else {
                let message = "Must have at most \(maximumParameters) parameters."
                throw .invalid([
                    FieldError(
                        loc: ["query"], message: message, code: "too_many_parameters",
                        params: ["max": "\(maximumParameters)"])
                ])
            }
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try decode(parts.first)
            guard name.utf8.count <= maximumNameBytes else {
                throw .invalid([
                    FieldError(
                        loc: ["query", name.clipped(toUTF8: FieldError.maximumNameBytes)],
                        message: "Unknown parameter: its name is longer than \(maximumNameBytes) bytes.",
                        code: "unknown_parameter")
                ])
            }
            pairs.append((name, try decode(parts.count > 1 ? parts[1] : nil)))
        }
        return pairs
    }

    private static func decode(_ bytes: (some Collection<UInt8>)?) throws(Problem) -> String {
        guard let bytes else { return "" }
        return try decode(String(decoding: bytes, as: UTF8.self))
    }

    /// - Parameter plusIsSpace: true in a query, false in a path.
    static func decode(_ text: some StringProtocol, plusIsSpace: Bool = true) throws(Problem) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") || $0 >= 0x80 }) else {
            return String(text)
        }
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hexadecimal), let low = rest.next().flatMap(hexadecimal) else {
                    throw .badRequest(
                        "The URL has a % without two hexadecimal digits after it. Write a literal % as %25.",
                        code: "malformed_url")
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        guard let result = String(validating: bytes, as: UTF8.self) else {
            throw .badRequest("The URL is not valid UTF-8.", code: "malformed_url")
        }
        return result
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

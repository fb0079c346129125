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
        do throws(PercentEncoding.DecodingError) {
            return try PercentEncoding.decode(text.utf8, plusIsSpace: plusIsSpace)
        } catch {
            let detail =
                switch error {
                case .malformed:
                    "The URL has a % without two hexadecimal digits after it. Write a literal % as %25."
                case .notUTF8: "The URL is not UTF-8, percent-encoded or not."
                }
            throw .badRequest(detail, code: "malformed_url")
        }
    }
}

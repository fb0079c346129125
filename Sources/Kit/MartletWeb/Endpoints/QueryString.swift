import MartletCore

/// The query of a URL as names and values (`application/x-www-form-urlencoded`), in the order they came.
enum QueryString {
    /// How many parameters a query may have; the longest list of filters has fewer.
    static let maximumParameters = 100
    /// How long a parameter's name may be, in bytes.
    static let maximumNameBytes = 256

    /// - Throws: ``Problem`` 400 for a broken percent-encoding and for what is not UTF-8; 422 for more parameters or
    ///   longer names than there are.
    static func parse(_ text: some StringProtocol) throws(Problem) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        // By bytes: splitting a string looks at characters, and decides about each what belongs to it.
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
                        message: "Unknown parameter; no name is longer than \(maximumNameBytes) bytes.",
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
                    "The URL has a % that two hexadecimal digits do not follow; a % of its own is written %25."
                case .notUTF8: "The URL is not UTF-8, percent-encoded or not."
                }
            throw .badRequest(detail, code: "malformed_url")
        }
    }
}

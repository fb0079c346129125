import Foundation

/// Normalizes text to a Unicode normal form (UAX #15) in time linear in its length.
///
/// Normalization sorts every run of combining marks, which takes quadratic time for very long runs. Client-supplied
/// text must therefore pass a byte limit and the Stream-Safe Text Format (UAX #15 §12) before it is normalized.
public enum NormalizedText {
    /// The maximum number of consecutive combining marks: the limit of the Stream-Safe Text Format.
    public static let maximumMarks = 30
    /// The maximum number of UTF-8 bytes that compose to one character: a Hangul syllable is three letters of three
    /// bytes. A text of more than 9 × n bytes has more than n characters in any normal form.
    public static let bytesPerCharacter = 9

    /// Returns the text in Normalization Form C, the form in which text is stored.
    /// - Parameter maximumUTF8: the maximum number of UTF-8 bytes before normalization.
    /// - Throws: the errors of ``check(_:maximumUTF8:)``.
    public static func nfc(_ text: String, maximumUTF8: Int) throws(ScalarIssue) -> String {
        try check(text, maximumUTF8: maximumUTF8)
        return isComposed(text) ? text : text.precomposedStringWithCanonicalMapping
    }

    /// Returns the text in Normalization Form C.
    /// - Parameter maximumCharacters: the maximum number of Unicode scalars in the result.
    /// - Throws: `too_long`, `invalid_text`.
    public static func nfc(_ text: String, maximumCharacters: Int) throws(ScalarIssue) -> String {
        try checkBytes(text, maximumCharacters: maximumCharacters)
        return try bounded(nfc(text, maximumUTF8: .max), maximumCharacters)
    }

    /// Returns the text in Normalization Form KC, for comparing texts that people consider the same.
    /// - Parameter maximumUTF8: the maximum number of UTF-8 bytes before normalization. The result may have eleven
    ///   times as many.
    /// - Throws: the errors of ``check(_:maximumUTF8:)``.
    public static func nfkc(_ text: String, maximumUTF8: Int) throws(ScalarIssue) -> String {
        try check(text, maximumUTF8: maximumUTF8)
        return text.utf8.allSatisfy { $0 < 0x80 } ? text : text.precomposedStringWithCompatibilityMapping
    }

    /// Returns the text in Normalization Form KC.
    /// - Parameter maximumCharacters: the maximum number of Unicode scalars in the result.
    /// - Throws: `too_long`, `invalid_text`.
    public static func nfkc(_ text: String, maximumCharacters: Int) throws(ScalarIssue) -> String {
        try checkBytes(text, maximumCharacters: maximumCharacters)
        return try bounded(nfkc(text, maximumUTF8: .max), maximumCharacters)
    }

    private static func bounded(_ text: String, _ maximumCharacters: Int) throws(ScalarIssue) -> String {
        guard text.utf8.count <= maximumCharacters || text.unicodeScalars.count <= maximumCharacters else {
            throw .tooLong(maximumCharacters)
        }
        return text
    }

    /// Checks that the text can be normalized in linear time. Visits each scalar once; none if the text is too long.
    /// - Throws: `too_long` for more bytes, `invalid_text` for more than ``maximumMarks`` consecutive combining marks.
    public static func check(_ text: String, maximumUTF8: Int) throws(ScalarIssue) {
        guard text.utf8.count <= maximumUTF8 else {
            throw ScalarIssue(
                "Must have at most \(maximumUTF8) bytes in UTF-8.", code: "too_long", params: ["max": "\(maximumUTF8)"])
        }
        guard isStreamSafe(text) else {
            throw ScalarIssue(
                "Must not have more than \(maximumMarks) combining marks in a row.", code: "invalid_text",
                params: ["max": "\(maximumMarks)"])
        }
    }

    /// Whether no run of combining marks is longer than ``maximumMarks``.
    public static func isStreamSafe(_ text: String) -> Bool {
        // No scalar below U+0300 is a combining mark, and U+0300 is CC 80 in UTF-8.
        if text.utf8.allSatisfy({ $0 < 0xCC }) { return true }
        var marks = 0
        for scalar in text.unicodeScalars {
            guard scalar.value >= 0x300, scalar.properties.canonicalCombiningClass != .notReordered else {
                marks = 0
                continue
            }
            marks += 1
            if marks > maximumMarks { return false }
        }
        return true
    }

    /// Rejects a text with so many bytes that it must exceed `maximumCharacters`, without decoding it.
    /// - Throws: `too_long`.
    public static func checkBytes(_ text: String, maximumCharacters: Int) throws(ScalarIssue) {
        guard text.utf8.count <= bytes(of: maximumCharacters) else { throw .tooLong(maximumCharacters) }
    }

    private static func bytes(of characters: Int) -> Int {
        let (bytes, overflow) = characters.multipliedReportingOverflow(by: bytesPerCharacter)
        return overflow ? .max : bytes
    }

    /// Whether the ranges of its scalars alone prove that the text is in Normalization Form C, as for most texts.
    private static func isComposed(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            // Latin, Cyrillic, punctuation, kana and the signs beside them, ideographs, Hangul syllables, full-width
            // forms, pictographs: none of them decomposes, and none composes with its neighbor.
            case ..<0x300, 0x400...0x482, 0x2010...0x2027, 0x3001...0x3029, 0x3041...0x3096, 0x30A1...0x30FF,
                0x3400...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFF5E, 0x1F300...0x1FAFF:
                true
            default: false
            }
        }
    }
}

extension ScalarIssue {
    /// The text has more than `maximum` characters.
    public static func tooLong(_ maximum: Int) -> ScalarIssue {
        ScalarIssue(
            "Must have at most \(maximum) character\(maximum == 1 ? "" : "s").", code: "too_long",
            params: ["max": "\(maximum)"])
    }

    /// The text has fewer than `minimum` characters.
    public static func tooShort(_ minimum: Int) -> ScalarIssue {
        ScalarIssue(
            minimum == 1 ? "Must not be empty." : "Must have at least \(minimum) characters.", code: "too_short",
            params: ["min": "\(minimum)"])
    }
}

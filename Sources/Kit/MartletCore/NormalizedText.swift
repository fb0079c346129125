import Foundation

/// Text in a normal form of Unicode (UAX #15), at a cost that is linear in its length.
///
/// Normalization sorts every run of combining marks, which takes quadratic time for the runs that nobody writes. So text
/// from outside is measured in bytes and held to the Stream-Safe Text Format (UAX #15 §12) before it is normalized.
public enum NormalizedText {
    /// How many combining marks may follow each other: the limit of the Stream-Safe Text Format.
    public static let maximumMarks = 30
    /// How many bytes of UTF-8 a character may take before it is composed: a Hangul syllable is three letters of three
    /// bytes. A text of more bytes has more characters, however it is written.
    public static let bytesPerCharacter = 9

    /// The text in Normalization Form C: how text is stored.
    /// - Parameter maximumUTF8: how many bytes of UTF-8 the text may have before it is normalized.
    /// - Throws: what ``check(_:maximumUTF8:)`` throws.
    public static func nfc(_ text: String, maximumUTF8: Int) throws(ScalarIssue) -> String {
        try check(text, maximumUTF8: maximumUTF8)
        return isComposed(text) ? text : text.precomposedStringWithCanonicalMapping
    }

    /// The text in Normalization Form C.
    /// - Parameter maximumCharacters: how many Unicode scalars the result may have.
    /// - Throws: `too_long`, `invalid_text`.
    public static func nfc(_ text: String, maximumCharacters: Int) throws(ScalarIssue) -> String {
        try checkBytes(text, maximumCharacters: maximumCharacters)
        let composed = try nfc(text, maximumUTF8: .max)
        guard composed.utf8.count <= maximumCharacters || composed.unicodeScalars.count <= maximumCharacters else {
            throw .tooLong(maximumCharacters)
        }
        return composed
    }

    /// The text in Normalization Form KC: how texts are compared that people take for the same.
    /// - Parameter maximumUTF8: how many bytes of UTF-8 the text may have before it is normalized. The result may have
    ///   eleven times as many.
    /// - Throws: what ``check(_:maximumUTF8:)`` throws.
    public static func nfkc(_ text: String, maximumUTF8: Int) throws(ScalarIssue) -> String {
        try check(text, maximumUTF8: maximumUTF8)
        return text.utf8.allSatisfy { $0 < 0x80 } ? text : text.precomposedStringWithCompatibilityMapping
    }

    /// The text in Normalization Form KC.
    /// - Parameter maximumCharacters: how many Unicode scalars the result may have.
    /// - Throws: `too_long`, `invalid_text`.
    public static func nfkc(_ text: String, maximumCharacters: Int) throws(ScalarIssue) -> String {
        try checkBytes(text, maximumCharacters: maximumCharacters)
        let composed = try nfkc(text, maximumUTF8: .max)
        guard composed.utf8.count <= maximumCharacters || composed.unicodeScalars.count <= maximumCharacters else {
            throw .tooLong(maximumCharacters)
        }
        return composed
    }

    /// Accepts what can be normalized in linear time. Looks at each scalar once, and at none of a text that is too long.
    /// - Throws: `too_long` for more bytes, `invalid_text` for more combining marks in a row than any script needs.
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

    /// Refuses what has too many bytes to have few enough characters, without looking at them.
    /// - Throws: `too_long`.
    public static func checkBytes(_ text: String, maximumCharacters: Int) throws(ScalarIssue) {
        guard text.utf8.count <= bytes(of: maximumCharacters) else { throw .tooLong(maximumCharacters) }
    }

    private static func bytes(of characters: Int) -> Int {
        let (bytes, overflow) = characters.multipliedReportingOverflow(by: bytesPerCharacter)
        return overflow ? .max : bytes
    }

    /// Whether the text is in Normalization Form C by the ranges of its scalars alone, which spares most texts the work.
    private static func isComposed(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            // Latin, Cyrillic, punctuation, kana and the signs beside them, ideographs, Hangul syllables, full-width
            // forms, pictures: none of them decomposes into something else, and none composes with its neighbor.
            case ..<0x300, 0x400...0x482, 0x2010...0x2027, 0x3001...0x3029, 0x3041...0x3096, 0x30A1...0x30FF,
                0x3400...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFF5E, 0x1F300...0x1FAFF:
                true
            default: false
            }
        }
    }
}

extension ScalarIssue {
    /// More characters than there may be.
    public static func tooLong(_ maximum: Int) -> ScalarIssue {
        ScalarIssue(
            "Must have at most \(maximum) character\(maximum == 1 ? "" : "s").", code: "too_long",
            params: ["max": "\(maximum)"])
    }

    /// Fewer characters than there must be.
    public static func tooShort(_ minimum: Int) -> ScalarIssue {
        ScalarIssue(
            minimum == 1 ? "Must not be empty." : "Must have at least \(minimum) characters.", code: "too_short",
            params: ["min": "\(minimum)"])
    }
}

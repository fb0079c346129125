import Foundation

/// Text in a normal form of Unicode (UAX #15), at a cost that is linear in its length.
///
/// Normalization sorts every run of combining marks, which takes quadratic time for the runs that nobody writes. So text
/// from outside is measured in bytes and held to the Stream-Safe Text Format (UAX #15 §12) before it is normalized.
public enum NormalizedText {
    /// How many combining marks may follow each other: the limit of the Stream-Safe Text Format.
    public static let maximumMarks = 30

    /// The text in Normalization Form C: how text is stored.
    /// - Parameter maximumUTF8: how many bytes of UTF-8 the text may have before it is normalized.
    /// - Throws: what ``check(_:maximumUTF8:)`` throws.
    public static func nfc(_ text: String, maximumUTF8: Int) throws(ScalarIssue) -> String {
        try check(text, maximumUTF8: maximumUTF8)
        return isPlain(text) ? text : text.precomposedStringWithCanonicalMapping
    }

    /// The text in Normalization Form KC: how texts are compared that people take for the same.
    /// - Parameter maximumUTF8: how many bytes of UTF-8 the text may have before it is normalized. The result may have
    ///   eleven times as many.
    /// - Throws: what ``check(_:maximumUTF8:)`` throws.
    public static func nfkc(_ text: String, maximumUTF8: Int) throws(ScalarIssue) -> String {
        try check(text, maximumUTF8: maximumUTF8)
        return text.utf8.allSatisfy { $0 < 0x80 } ? text : text.precomposedStringWithCompatibilityMapping
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
        var marks = 0
        for scalar in text.unicodeScalars {
            // No scalar below U+0300 is a combining mark.
            guard scalar.value >= 0x300, scalar.properties.canonicalCombiningClass != .notReordered else {
                marks = 0
                continue
            }
            marks += 1
            if marks > maximumMarks { return false }
        }
        return true
    }

    /// Whether the text is in Normalization Form C by its range alone: everything below U+0300 is.
    private static func isPlain(_ text: String) -> Bool {
        // U+0300 is CC 80 in UTF-8, and every lead byte below CC is of a smaller scalar.
        text.utf8.allSatisfy { $0 < 0xCC }
    }
}

import Foundation
import MartletCore

extension String {
    /// The form in which e-mail addresses and usernames are compared: two texts that people take for the same have one
    /// key.
    ///
    /// For texts that the contract has read: it has bounded their runs of combining marks, so that each round is linear.
    ///
    /// NFKC with case folding. Folding is done by way of the upper case, which is what makes `ß` and `ss`, `ς` and `σ`,
    /// `ı` and `i` the same: more than Unicode's own folding takes together, and never less.
    var identityKey: String {
        var key = self
        // A fold can make what composes anew, and the other way round; two rounds settle all but made-up texts.
        for _ in 0..<3 {
            let next = key.precomposedStringWithCompatibilityMapping.caseFolded
                .precomposedStringWithCompatibilityMapping
            // By scalars: the equality of strings does not see what normalization changes.
            if next.unicodeScalars.elementsEqual(key.unicodeScalars) { break }
            key = next
        }
        return key
    }

    private var caseFolded: String {
        var result = ""
        for scalar in unicodeScalars {
            for upper in scalar.properties.uppercaseMapping.unicodeScalars {
                result.unicodeScalars.append(contentsOf: upper.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return result
    }

    /// Without white space around it, in NFC: how names that people type are kept.
    ///
    /// A text that cannot be a name is returned as it is, so that refusing it costs nothing: one that has more bytes than
    /// the longest address has however it is composed, or a run of combining marks that no name has.
    var tidied: String {
        let longest = 254 * NormalizedText.bytesPerCharacter
        guard utf8.count <= longest else { return self }
        let trimmed = trimmingCharacters(in: .whitespacesAndNewlines)
        return (try? NormalizedText.nfc(trimmed, maximumUTF8: longest)) ?? trimmed
    }
}

extension Unicode.Scalar {
    /// Whether the scalar shows nothing by itself, or is not a character at all: controls, format and direction marks,
    /// private and unassigned ones. Names with them look like other names.
    var isInvisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
        default: properties.isDefaultIgnorableCodePoint
        }
    }
}

import Foundation
import MartletCore

extension String {
    /// The form in which e-mail addresses and usernames are compared: two texts that people consider the same have the
    /// same key.
    ///
    /// Apply it only to validated input, which has bounded runs of combining marks, so that each round is linear.
    ///
    /// NFKC with case folding. Folding goes through upper case, which also equates `ß` and `ss`, `ς` and `σ`, `ı` and
    /// `i`: it equates everything that Unicode's own folding does, and more.
    var identityKey: String {
        var key = self
        // Folding may enable new compositions and vice versa. Two rounds suffice for all but contrived texts.
        for _ in 0..<3 {
            let next = key.precomposedStringWithCompatibilityMapping.caseFolded
                .precomposedStringWithCompatibilityMapping
            // Compare scalars: string equality ignores changes by normalization.
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

    /// The text without surrounding white space, in NFC: the stored form of names.
    ///
    /// A text that cannot be a name is returned unchanged, so that rejecting it is cheap: it has more bytes than the
    /// longest address in any normal form, or too long a run of combining marks.
    var tidied: String {
        let longest = 254 * NormalizedText.bytesPerCharacter
        guard utf8.count <= longest else { return self }
        let trimmed = trimmingCharacters(in: .whitespacesAndNewlines)
        return (try? NormalizedText.nfc(trimmed, maximumUTF8: longest)) ?? trimmed
    }
}

extension Unicode.Scalar {
    /// Whether the scalar is invisible or not a character: controls, format and direction marks, private-use and
    /// unassigned code points. With them, a name could look like another one.
    var isInvisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
        default: properties.isDefaultIgnorableCodePoint
        }
    }
}

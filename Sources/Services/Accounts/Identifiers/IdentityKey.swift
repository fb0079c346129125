import Foundation

extension String {
    /// The form in which e-mail addresses and usernames are compared: two texts that people take for the same have one
    /// key.
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
    var tidied: String {
        trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
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

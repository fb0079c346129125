extension Rule {
    /// Checks a value other than a text; ``Swift/String/init(reading:rule:)`` checks texts.
    func check(_ value: any Scalar) throws(ScalarIssue) {
        switch value {
        case let number as Int: try checkBounds(Int64(number))
        case let number as Int64: try checkBounds(number)
        default: break
        }
    }

    static func check(count: Int, in length: ClosedRange<Int>, unit: String) throws(ScalarIssue) {
        if count < length.lowerBound {
            throw ScalarIssue(
                length.lowerBound == 1 ? "Must not be empty." : "Must have at least \(length.lowerBound) \(unit).",
                code: "too_short", params: ["min": "\(length.lowerBound)"])
        }
        if count > length.upperBound {
            throw ScalarIssue(
                "Must have at most \(length.upperBound) \(unit), but has \(count).", code: "too_long",
                params: ["max": "\(length.upperBound)"])
        }
    }

    private func checkBounds(_ number: Int64) throws(ScalarIssue) {
        if let minimum, number < minimum {
            throw ScalarIssue("Must be at least \(minimum).", code: "too_small", params: ["min": "\(minimum)"])
        }
        if let maximum, number > maximum {
            throw ScalarIssue("Must be at most \(maximum).", code: "too_large", params: ["max": "\(maximum)"])
        }
    }
}

extension String {
    /// Reads a text in its stored form: within the rule's length, in Unicode Normalization Form C, and not blank if the
    /// rule forbids an empty text.
    ///
    /// Checks the length in bytes before any other work.
    /// - Throws: `not_a_string`, `too_long`, `too_short`, `blank`, `invalid_character`, `invalid_text`, and the code of the
    ///   rule's format.
    public init(reading source: ScalarSource, rule: Rule?) throws(ScalarIssue) {
        let length = rule?.length ?? 0...Rule.defaultMaximumLength
        self = try NormalizedText.nfc(
            source.text(maximumCharacters: length.upperBound), maximumCharacters: length.upperBound)
        if length.lowerBound > 0 {
            if utf8.count < length.lowerBound || unicodeScalars.count < length.lowerBound {
                throw .tooShort(length.lowerBound)
            }
            if unicodeScalars.allSatisfy({ $0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint }) {
                throw ScalarIssue("Must not be blank.", code: "blank")
            }
        }
        try rule?.format?.check(self)
    }
}

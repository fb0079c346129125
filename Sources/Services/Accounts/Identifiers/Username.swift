import MartletCore

/// A username. It has no `@`, so it is never an e-mail address.
struct Username: TextScalar {
    static let scalarSchema = ScalarSchema(.string, length: length)
    static let placeholder = Username()
    static let length = 3...50

    let text: String

    private init() { text = "nobody" }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try String(reading: source).tidied
        let count = text.unicodeScalars.count
        if count < Self.length.lowerBound {
            let minimum = Self.length.lowerBound
            throw ScalarIssue(
                "Must have at least \(minimum) characters.", code: "too_short", params: ["min": "\(minimum)"])
        }
        if count > Self.length.upperBound {
            let maximum = Self.length.upperBound
            throw ScalarIssue(
                "Must have at most \(maximum) characters.", code: "too_long", params: ["max": "\(maximum)"])
        }
        // Check the key too, in which compatibility forms become other characters.
        guard text.unicodeScalars.allSatisfy(Self.accepts), key.unicodeScalars.allSatisfy(Self.accepts) else {
            throw ScalarIssue("Must contain only letters, digits and . _ -", code: "invalid_format")
        }
    }

    /// The form for comparison, unique among users.
    var key: String { text.identityKey }

    /// Whether the scalar is a letter, a mark or a digit of any script, or one of `.`, `_` and `-`.
    private static func accepts(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "." || scalar == "_" || scalar == "-" { return true }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .nonspacingMark, .spacingMark:
            return !scalar.isInvisible
        default: return false
        }
    }
}

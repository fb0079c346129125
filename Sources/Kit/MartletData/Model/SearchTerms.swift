import MartletCore

/// What a text to search for is made of: the words in it, each of which has to be found.
public enum SearchTerms {
    /// How many words a search may have.
    public static let maximum = 10

    /// The words between blanks of any script, in their order. A search of many words is cut after one too many, which
    /// tells that there are too many.
    public static func split(_ text: String) -> [String] {
        text.unicodeScalars.split(maxSplits: maximum + 1, whereSeparator: \.properties.isWhitespace)
            .prefix(maximum + 1).map { String($0) }
    }

    static let tooMany = ScalarIssue(
        "Must have at most \(maximum) words.", code: "too_many_terms", params: ["max": "\(maximum)"])
}

extension ObjectSchema.Field {
    /// Whether the field is a text, and not something else that is written as one.
    var isText: Bool { if case .scalar(let type) = schema { type == String.self } else { false } }
}

import MartletCore

/// Splits a search text into words, each of which must be found.
public enum SearchTerms {
    /// The maximum number of words in a search.
    public static let maximum = 10

    /// Returns the words between white space of any script, in order, but at most one more than ``maximum``: enough to
    /// detect that there are too many.
    public static func split(_ text: String) -> [String] {
        text.unicodeScalars.split(maxSplits: maximum + 1, whereSeparator: \.properties.isWhitespace)
            .prefix(maximum + 1).map { String($0) }
    }

    static let tooMany = ScalarIssue(
        "Must have at most \(maximum) words.", code: "too_many_terms", params: ["max": "\(maximum)"])
}

extension ObjectSchema.Field {
    /// Whether the field is a `String`, not another type that is written as a text.
    var isText: Bool { if case .scalar(let type) = schema { type == String.self } else { false } }
}

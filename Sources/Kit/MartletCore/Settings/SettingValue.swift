#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The reason a value is invalid, as a line that follows the key.
public struct SettingMistake: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Parsers for values of settings. Every function throws ``SettingMistake``.
public enum SettingValue {
    public static func nonEmpty(_ text: String) throws -> String {
        guard !text.isEmpty else { throw SettingMistake("must not be empty") }
        return text
    }

    /// Reads a path and expands a leading `~` to the home folder. A shell expands it only at the start of a word.
    public static func path(_ text: String) throws -> String {
        let text = try nonEmpty(text)
        guard text.hasPrefix("~") else { return text }
        guard text == "~" || text.hasPrefix("~/") else {
            throw SettingMistake("'\(text)': only ~/ is expanded; write the full path of another home folder")
        }
        guard let home = ProcessInfo.processInfo.environment["HOME"], home.hasPrefix("/") else {
            throw SettingMistake("'\(text)': HOME is not set; write the full path")
        }
        return home + text.dropFirst()
    }

    public static func boolean(_ text: String) throws -> Bool {
        guard let value = Bool(text) else { throw SettingMistake("'\(text)' is neither true nor false") }
        return value
    }

    /// - Parameter choices: the accepted words and their values.
    public static func choice<Value>(_ text: String, _ choices: KeyValuePairs<String, Value>) throws -> Value {
        guard let choice = choices.first(where: { $0.key == text }) else {
            let names = choices.map(\.key)
            throw SettingMistake(
                "'\(text)' is not one of \(names.joined(separator: ", ")).\(Suggestion.hint(for: text, among: names))")
        }
        return choice.value
    }

    public static func integer(_ text: String, _ range: ClosedRange<Int>, _ unit: String? = nil) throws -> Int {
        guard let value = Int(text), range.contains(value) else {
            let kind = unit.map { "a number of \($0)" } ?? "an integer"
            throw SettingMistake("'\(text)' is not \(kind) from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    public static func list(_ text: String) throws -> [String] {
        let parts = text.split(separator: ",").map(\.trimmed)
        guard !parts.isEmpty else { throw SettingMistake("must not be empty") }
        return parts
    }

    /// - Parameter example: an example of a pair, for the error message.
    public static func pair(_ text: String, _ example: String) throws -> (String, String) {
        // A name with these is a URL whose name is missing. It may have a password.
        guard let equals = text.firstIndex(of: "="), !text[..<equals].contains(where: { ":@".contains($0) }) else {
            throw SettingMistake("'\(text.withoutUserinfo)' must be name=URL, such as \(example)")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}

/// Declares settings and reads their values.
///
/// Each call of ``read(_:_:form:default:shown:isSecret:flag:commonVariables:parse:)`` is the one place that names a setting.
/// A reader without values lists what a group declares:
///
/// ```swift
/// public struct ReviewSettings: SettingGroup {
///     public var maximumLength: Int
///
///     public init(_ settings: inout SettingReader) {
///         maximumLength = settings.read(
///             "review_length", "The most characters of a review.", form: "count", default: 2_000
///         ) { try SettingValue.integer($0, 1...10_000) }
///     }
/// }
/// ```
public struct SettingReader {
    /// The settings that have been declared, in the order of their declaration.
    public private(set) var settings: [Setting] = []
    /// What is wrong with the values: a line each, which begins with the key.
    public private(set) var problems: [String] = []
    private let text: (Setting) -> String?

    /// - Parameter text: the value of a setting as text, or nil without one.
    public init(_ text: @escaping (Setting) -> String? = { _ in nil }) { self.text = text }

    /// Declares and reads a setting that has a default.
    /// - Parameters:
    ///   - shown: the default as the documentation shows it, where the value itself does not say enough.
    ///   - parse: makes the value of a text. The error's description becomes a problem, with the key before it.
    public mutating func read<Value>(
        _ key: String, _ meaning: String, form: String, default value: Value, shown: String? = nil,
        isSecret: Bool = false, flag: Setting.Flag = .option, commonVariables: [String] = [],
        parse: (String) throws -> Value
    ) -> Value {
        read(
            Setting(
                key: key, meaning: meaning, form: form, defaultText: shown ?? "\(value)", isSecret: isSecret,
                flag: flag, commonVariables: commonVariables), parse) ?? value
    }

    /// Declares and reads a setting that may be absent.
    /// - Parameter shown: what the documentation shows as the default; nil: nothing.
    public mutating func readOptional<Value>(
        _ key: String, _ meaning: String, form: String, shown: String? = nil, isSecret: Bool = false,
        flag: Setting.Flag = .option, commonVariables: [String] = [], parse: (String) throws -> Value
    ) -> Value? {
        read(
            Setting(
                key: key, meaning: meaning, form: form, defaultText: shown, isSecret: isSecret, flag: flag,
                commonVariables: commonVariables), parse)
    }

    /// Reports that values which are valid by themselves contradict each other.
    public mutating func report(_ problem: String) { problems.append(problem) }

    private mutating func read<Value>(_ setting: Setting, _ parse: (String) throws -> Value) -> Value? {
        settings.append(setting)
        guard let text = text(setting) else { return nil }
        do {
            return try parse(text)
        } catch {
            problems.append("\(setting.key): \(error)")
            return nil
        }
    }
}

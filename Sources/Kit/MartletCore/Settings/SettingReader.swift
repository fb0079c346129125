/// Declares settings and reads their values.
///
/// Each call of ``read(_:_:form:default:shown:isSecret:flag:commonVariables:parse:)`` is the only place that names a
/// setting. A reader without values lists the settings that a group declares:
///
/// ```swift
/// public struct ReviewSettings: SettingGroup {
///     public var maximumLength: Int
///
///     public init(_ settings: inout SettingReader) {
///         maximumLength = settings.read(
///             "review_length", "The maximum length of a review.", form: "count", default: 2_000
///         ) { try SettingValue.integer($0, 1...10_000) }
///     }
/// }
/// ```
public struct SettingReader {
    /// The declared settings, in order.
    public private(set) var settings: [Setting] = []
    /// The errors in the values: one line each, beginning with the key.
    public private(set) var problems: [String] = []
    private let text: (Setting) -> String?

    /// - Parameter text: returns the value of a setting as text, or nil if it is not set.
    public init(_ text: @escaping (Setting) -> String? = { _ in nil }) { self.text = text }

    /// Declares and reads a setting with a default.
    /// - Parameters:
    ///   - shown: the default in the documentation. Default: the value itself.
    ///   - parse: converts a text to a value. The description of its error is reported after the key.
    public mutating func read<Value>(
        _ key: String, _ meaning: String, form: String, default value: Value, shown: String? = nil,
        isSecret: Bool = false, flag: Setting.Flag = .option, commonVariables: [String] = [],
        parse: (String) throws -> Value
    ) -> Value {
        read(
            Setting(
                key: key, meaning: meaning, form: form, defaultText: shown ?? "\(value)", isSecret: isSecret,
                flag: flag, shortFormOf: nil, commonVariables: commonVariables), parse) ?? value
    }

    /// Declares and reads an optional setting.
    /// - Parameter shown: the default in the documentation; nil if there is none.
    public mutating func readOptional<Value>(
        _ key: String, _ meaning: String, form: String, shown: String? = nil, isSecret: Bool = false,
        flag: Setting.Flag = .option, shortFormOf: String? = nil, commonVariables: [String] = [],
        parse: (String) throws -> Value
    ) -> Value? {
        read(
            Setting(
                key: key, meaning: meaning, form: form, defaultText: shown, isSecret: isSecret, flag: flag,
                shortFormOf: shortFormOf, commonVariables: commonVariables), parse)
    }

    /// Reports that individually valid values contradict each other.
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

/// A type whose fields are documented and constrained in one place.
///
/// Inputs are validated by their rules, models add what lists may do with a field, and the OpenAPI document shows
/// both. An input may take a model's rules over: fields are matched by name.
public protocol Described {
    static var rules: Rules { get }
}

/// What holds for one field, keyed by the type's own (synthesized) coding key, so that a renamed property does not
/// compile until its rule follows.
public struct Rule: Sendable {
    /// The field as it stands in JSON, queries and columns.
    public let name: String
    /// What the field means, for the readers of the OpenAPI document.
    public let documentation: String
    /// How many Unicode scalars a text, or elements a list or map, may have. A text that must not be empty must not be
    /// blank either.
    public let length: ClosedRange<Int>?
    public let minimum: Int64?
    public let maximum: Int64?
    public let format: Format?
    /// Taken when the field is absent.
    public let defaultValue: JSONValue?
    /// What lists may do with the field.
    public let list: ListCapabilities
    /// Whether the field is only written, as a password is: it is no part of what is read.
    public let isWriteOnly: Bool

    /// How many Unicode scalars a text may have that no rule bounds.
    public static let defaultMaximumLength = 10_000
    /// How many elements a list, or entries a map, may have that no rule bounds.
    public static let defaultMaximumCount = 1000

    public init(
        _ key: some CodingKey, _ documentation: String, length: ClosedRange<Int>? = nil, minimum: Int64? = nil,
        maximum: Int64? = nil, format: Format? = nil, default defaultValue: JSONValue? = nil,
        list: ListCapabilities = [], isWriteOnly: Bool = false
    ) {
        self.init(
            name: key.stringValue.snakeCased, documentation, length: length, minimum: minimum, maximum: maximum,
            format: format, default: defaultValue, list: list, isWriteOnly: isWriteOnly)
    }

    /// A rule for what is no property of a type, such as a parameter of lists.
    package init(
        name: String, _ documentation: String, length: ClosedRange<Int>? = nil, minimum: Int64? = nil,
        maximum: Int64? = nil, format: Format? = nil, default defaultValue: JSONValue? = nil,
        list: ListCapabilities = [], isWriteOnly: Bool = false
    ) {
        self.name = name
        self.isWriteOnly = isWriteOnly
        self.documentation = documentation
        self.length = length
        self.minimum = minimum
        self.maximum = maximum
        self.format = format
        self.defaultValue = defaultValue
        self.list = list
    }
}

/// What a list endpoint lets clients do with a field.
public struct ListCapabilities: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `search=` looks into it.
    public static let search = ListCapabilities(rawValue: 1)
    /// `field=`, `field__in=`, and for what has an order `field__gte=` and its kin.
    public static let filter = ListCapabilities(rawValue: 2)
    /// `ordering=field`, `ordering=-field`.
    public static let order = ListCapabilities(rawValue: 4)
}

/// A named syntax of a text.
public struct Format: Sendable {
    /// The `format` of JSON Schema, or `pattern` when there is none.
    public let name: String
    let message: String
    let code: String
    public let accepts: @Sendable (String) -> Bool

    /// - Parameter code: what ``FieldError/code`` says when `accepts` says no.
    public init(_ name: String, message: String, code: String, accepts: @escaping @Sendable (String) -> Bool) {
        self.name = name
        self.message = message
        self.code = code
        self.accepts = accepts
    }

    /// - Throws: what is wrong with the text.
    public func check(_ text: String) throws(ScalarIssue) {
        guard accepts(text) else { throw ScalarIssue(message, code: code) }
    }
}

/// The rules of a type, by field name.
public struct Rules: Sendable {
    private let byName: [MemberName: Rule]

    public init(@RulesBuilder _ rules: () -> [Rule]) {
        byName = Dictionary(rules().map { (MemberName($0.name), $0) }) { _, last in last }
    }

    public static let none = Rules {}

    public subscript(name: String) -> Rule? { byName[MemberName(name)] }
}

@resultBuilder
public enum RulesBuilder {
    public static func buildBlock(_ rules: Rule...) -> [Rule] { rules }
}

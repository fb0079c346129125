/// A type whose fields are documented and constrained in one place.
///
/// Rules validate inputs, declare what list endpoints may do with a model's fields, and document both in OpenAPI. An
/// input may reuse a model's rules: fields are matched by name.
public protocol Described {
    static var rules: Rules { get }
}

/// The rule for one field, keyed by the type's own (synthesized) coding key: after a property is renamed, the code does
/// not compile until its rule is renamed too.
public struct Rule: Sendable {
    /// The field's name in JSON, queries and columns.
    public let name: String
    /// The field's description in the OpenAPI document.
    public let documentation: String
    /// The allowed number of Unicode scalars in a text, or of elements in a list or map. A text with a minimum above 0
    /// must not be blank either.
    public let length: ClosedRange<Int>?
    public let minimum: Int64?
    public let maximum: Int64?
    public let format: Format?
    /// The value of an absent field.
    public let defaultValue: JSONValue?
    /// What list endpoints may do with the field.
    public let list: ListCapabilities
    /// Whether the field is write-only, such as a password.
    public let isWriteOnly: Bool
    /// The header field of the request that the value of an input comes from, instead of the query or the body. Such a
    /// property has a scalar type; it is optional if the header field is.
    public let header: String?

    /// The maximum number of Unicode scalars in a text without a length rule.
    public static let defaultMaximumLength = 10_000
    /// The maximum number of elements in a list, or entries in a map, without a length rule.
    public static let defaultMaximumCount = 1000

    public init(
        _ key: some CodingKey, _ documentation: String, length: ClosedRange<Int>? = nil, minimum: Int64? = nil,
        maximum: Int64? = nil, format: Format? = nil, default defaultValue: JSONValue? = nil,
        list: ListCapabilities = [], isWriteOnly: Bool = false, header: String? = nil
    ) {
        self.init(
            name: key.stringValue.snakeCased, documentation, length: length, minimum: minimum, maximum: maximum,
            format: format, default: defaultValue, list: list, isWriteOnly: isWriteOnly, header: header)
    }

    /// Creates a rule for a name that is not a property, such as a list parameter.
    package init(
        name: String, _ documentation: String, length: ClosedRange<Int>? = nil, minimum: Int64? = nil,
        maximum: Int64? = nil, format: Format? = nil, default defaultValue: JSONValue? = nil,
        list: ListCapabilities = [], isWriteOnly: Bool = false, header: String? = nil
    ) {
        self.name = name
        self.header = header
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

    /// Searched by `search=`.
    public static let search = ListCapabilities(rawValue: 1)
    /// Filtered by `field=`, `field__in=` and, for ordered types, `field__gte=` and the other range filters.
    public static let filter = ListCapabilities(rawValue: 2)
    /// Sorted by `ordering=field` and `ordering=-field`.
    public static let order = ListCapabilities(rawValue: 4)
}

/// A named syntax for texts.
public struct Format: Sendable {
    /// The `format` of JSON Schema, or `pattern` when there is none.
    public let name: String
    let message: String
    let code: String
    public let accepts: @Sendable (String) -> Bool

    /// - Parameter code: the ``FieldError/code`` of a text that `accepts` rejects.
    public init(_ name: String, message: String, code: String, accepts: @escaping @Sendable (String) -> Bool) {
        self.name = name
        self.message = message
        self.code = code
        self.accepts = accepts
    }

    /// - Throws: ``ScalarIssue`` when the text does not have this format.
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

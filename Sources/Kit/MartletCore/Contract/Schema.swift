/// The shape of a value in a contract. The OpenAPI document's JSON Schema 2020-12 is generated from it.
public indirect enum Schema: Sendable {
    /// A single value.
    case scalar(any Scalar.Type)
    case array(Schema)
    /// An object whose member names are data.
    case map(Schema)
    case object(ObjectSchema)
    /// Free-form JSON.
    case any

    /// The names of the required fields of an input.
    public var requiredFields: [String] {
        guard case .object(let schema) = self else { return [] }
        return schema.fields.filter(\.isRequired).map(\.name)
    }
}

/// A single value's type and syntax.
public struct ScalarSchema: Sendable {
    public enum Kind: String, Sendable { case string, integer, number, boolean, object }

    public let kind: Kind
    /// JSON Schema's `format`, such as `date-time`.
    public let format: String?
    public let minimum: String?
    public let maximum: String?
    /// The allowed number of Unicode scalars in a text.
    public let length: ClosedRange<Int>?
    /// The allowed values. Empty when the type is not an enumeration.
    public let choices: [String]
    /// Whether values are ordered. Lists then offer range filters.
    public let isOrdered: Bool

    public init(
        _ kind: Kind, format: String? = nil, minimum: String? = nil, maximum: String? = nil,
        length: ClosedRange<Int>? = nil, choices: [String] = [], isOrdered: Bool = false
    ) {
        self.kind = kind
        self.format = format
        self.minimum = minimum
        self.maximum = maximum
        self.length = length
        self.choices = choices
        self.isOrdered = isOrdered
    }
}

/// A struct's fields, in the order of their declaration.
public struct ObjectSchema: Sendable {
    public struct Field: Sendable {
        public let name: String
        public let schema: Schema
        /// Whether the field may be null or, in an input, absent.
        public let isOptional: Bool
        public let rule: Rule?

        /// Whether an input must have the field. An optional field and a field with a default are not required.
        public var isRequired: Bool { !isOptional && rule?.defaultValue == nil }
    }

    /// The Swift type's name without its module.
    public let name: String
    public let fields: [Field]

    public init(name: String, fields: [Field]) {
        self.name = name
        self.fields = fields
    }
}

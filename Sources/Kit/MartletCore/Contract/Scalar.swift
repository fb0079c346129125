/// A type whose value is a single JSON value, query parameter or path segment.
///
/// Conform your own type to use it in inputs and models. The conformance defines its syntax, its schema and its
/// errors.
public protocol Scalar: Codable, Sendable {
    static var scalarSchema: ScalarSchema { get }
    /// Any valid value. It stands in for an invalid field while the rest of the input is checked.
    static var placeholder: Self { get }
    /// Reads the value.
    /// - Throws: ``ScalarIssue`` when the source is not a valid value.
    init(reading source: ScalarSource) throws(ScalarIssue)
}

/// The source of a scalar value.
public enum ScalarSource: Sendable {
    /// The text of a path segment, a query parameter or a CSV cell.
    case text(String)
    /// Any JSON value, including arrays, objects and null.
    case json(JSONValue)
}

/// The reason a value is invalid.
public struct ScalarIssue: Error, Sendable {
    public let message: String
    public let code: String
    public let params: [String: String]

    public init(_ message: String, code: String, params: [String: String] = [:]) {
        self.message = message
        self.code = code
        self.params = params
    }
}

extension ScalarSource {
    /// The text of a string.
    public func string(or issue: @autoclosure () -> ScalarIssue) throws(ScalarIssue) -> String {
        switch self {
        case .text(let text), .json(.string(let text)): text
        default: throw issue()
        }
    }

    /// The text of a string, checked like ``Swift/String/init(reading:)``. The length in bytes is checked first, which
    /// bounds the cost of normalizing the text later.
    /// - Parameter maximumCharacters: the maximum number of Unicode scalars after normalization.
    /// - Throws: `not_a_string`, `too_long`, `invalid_character`, `invalid_text`.
    public func text(maximumCharacters: Int) throws(ScalarIssue) -> String {
        let text = try string(or: ScalarIssue("Must be a string\(contrast).", code: "not_a_string"))
        try NormalizedText.checkBytes(text, maximumCharacters: maximumCharacters)
        return try String(reading: .text(text))
    }

    /// The text of a number. A JSON string is not a number.
    func number(or issue: @autoclosure () -> ScalarIssue) throws(ScalarIssue) -> String {
        switch self {
        case .text(let text), .json(.number(let text)): text
        default: throw issue()
        }
    }

    /// The value's JSON type as the end of a message: ", not a list". Empty for a text, which has no other type.
    var contrast: String {
        guard case .json(let value) = self else { return "" }
        return switch value {
        case .null: ", not null"
        case .bool: ", not true or false"
        case .number: ", not a number"
        case .string: ", not a string"
        case .array: ", not a list"
        case .object: ", not an object"
        }
    }
}

extension String: Scalar {
    public static let scalarSchema = ScalarSchema(.string)
    public static let placeholder = ""

    /// Rejects control characters other than tab, line feed and carriage return, which stores and terminals mishandle.
    /// Rejects runs of combining marks longer than any script needs, so that normalization takes linear time.
    ///
    /// Neither normalizes the text nor limits its length; see ``Rule`` for those.
    public init(reading source: ScalarSource) throws(ScalarIssue) {
        self = try source.string(or: ScalarIssue("Must be a string\(source.contrast).", code: "not_a_string"))
        let control = utf8.first { ($0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D) || $0 == 0x7F }
        if let control {
            let code = Hexadecimal.text([control]).uppercased()
            throw ScalarIssue(
                "Must not contain the control character U+00\(code).",
                code: "invalid_character")
        }
        try NormalizedText.check(self, maximumUTF8: .max)
    }
}

extension Bool: Scalar {
    public static let scalarSchema = ScalarSchema(.boolean)
    public static let placeholder = false

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        switch source {
        case .json(.bool(let value)): self = value
        case .text(let text) where ["true", "True", "1"].contains { $0.isExactly(text) }: self = true
        case .text(let text) where ["false", "False", "0"].contains { $0.isExactly(text) }: self = false
        default: throw ScalarIssue("Must be true or false\(source.contrast).", code: "not_a_boolean")
        }
    }
}

extension Int64: Scalar {
    public static let scalarSchema = ScalarSchema(.integer, format: "int64", isOrdered: true)
    public static let placeholder: Int64 = 0

    /// Accepts any JSON number with an integer value (`5`, `5.0`, `5e0`: JSON Schema 2020-12 §6.1.1). A path or query
    /// accepts plain digits only, so that a resource has one address.
    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let issue = ScalarIssue("Must be an integer such as 5\(source.contrast).", code: "not_an_integer")
        let text = try source.number(or: issue)
        if case .text = source {
            let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
            guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else { throw issue }
        }
        do throws(IntegerText.Failure) {
            self = try IntegerText.value(ofNumber: text)
        } catch {
            switch error {
            case .notAnInteger: throw ScalarIssue("Must be an integer, without decimals.", code: "not_an_integer")
            case .outOfRange:
                throw ScalarIssue("Must fit in a 64-bit integer: at most \(Int64.max).", code: "out_of_range")
            }
        }
    }
}

extension Int: Scalar {
    public static let scalarSchema = Int64.scalarSchema
    public static let placeholder = 0

    public init(reading source: ScalarSource) throws(ScalarIssue) { self = Int(try Int64(reading: source)) }
}

extension Double: Scalar {
    public static let scalarSchema = ScalarSchema(.number, isOrdered: true)
    public static let placeholder = 0.0

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let text = try source.number(or: ScalarIssue("Must be a number\(source.contrast).", code: "not_a_number"))
        // Bound the length before parsing.
        guard text.utf8.count <= JSONLimits.requestBody.numberBytes, let value = Double(text) else {
            throw ScalarIssue("Must be a number.", code: "not_a_number")
        }
        guard value.isFinite else { throw ScalarIssue("Must be a finite number.", code: "out_of_range") }
        self = value
    }
}

extension Money: Scalar {
    public static let scalarSchema = ScalarSchema(
        .number, format: "decimal", minimum: "0", maximum: maximum.description, isOrdered: true)
    public static let placeholder = Money.zero

    /// Accepts a number or a decimal string. Both are read exactly.
    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let text: String
        switch source {
        case .text(let value), .json(.number(let value)), .json(.string(let value)): text = value
        default: throw ScalarIssue("Must be a number such as 18.00\(source.contrast).", code: "not_a_number")
        }
        do {
            try self.init(decimal: text)
        } catch {
            switch error {
            case .notANumber: throw ScalarIssue("Must be a number such as 18.00.", code: "not_a_number")
            case .negative: throw ScalarIssue("Must be at least 0.", code: "too_small", params: ["min": "0"])
            case .tooLarge:
                throw ScalarIssue(
                    "Must be at most \(Money.maximum).", code: "too_large", params: ["max": Money.maximum.description])
            case .tooManyDecimals:
                throw ScalarIssue(
                    "Must have at most 2 decimal places.", code: "too_many_decimals", params: ["max": "2"])
            }
        }
    }
}

extension Timestamp: Scalar {
    public static let scalarSchema = ScalarSchema(.string, format: "date-time", isOrdered: true)
    public static let placeholder = Timestamp(microseconds: 0)

    /// Accepts every form that ``init(written:isDecodedQuery:)`` accepts.
    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let issue = ScalarIssue(
            "Must be a time such as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+08:00, or a date such as "
                + "2026-01-31. Without an offset, UTC is assumed.", code: "invalid_timestamp")
        let text = try source.string(or: issue)
        var isText = false
        if case .text = source { isText = true }
        guard let value = Timestamp(written: text, isDecodedQuery: isText) else { throw issue }
        self = value
    }
}

extension CivilDate: Scalar {
    public static let scalarSchema = ScalarSchema(.string, format: "date", isOrdered: true)
    public static let placeholder = CivilDate(daysSince1970: 0)

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let issue = ScalarIssue("Must be a date such as 2026-01-31.", code: "invalid_date")
        guard let value = CivilDate(try source.string(or: issue)) else { throw issue }
        self = value
    }
}

extension ID: Scalar {
    public static var scalarSchema: ScalarSchema {
        ScalarSchema(.integer, format: "int64", minimum: "1", isOrdered: true)
    }
    public static var placeholder: ID { ID(1) }

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let value = try Int64(reading: source)
        guard value > 0 else { throw ScalarIssue("Must be at least 1.", code: "too_small", params: ["min": "1"]) }
        self.init(value)
    }
}

/// An enum of strings is a scalar with choices: declare it `String, CaseIterable, Scalar`.
extension Scalar where Self: RawRepresentable & CaseIterable, RawValue == String {
    public static var scalarSchema: ScalarSchema { ScalarSchema(.string, choices: allCases.map(\.rawValue)) }

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let names = Self.allCases.map(\.rawValue)
        let choices = names.joined(separator: ", ")
        let code = "invalid_choice"
        let text = try source.string(
            or: ScalarIssue("Must be one of \(choices).", code: code, params: ["choices": choices]))
        guard let name = names.first(where: { $0.isExactly(text) }), let value = Self(rawValue: name) else {
            throw ScalarIssue(
                "Must be one of \(choices).\(Suggestion.hint(for: text, among: names))", code: code,
                params: ["choices": choices])
        }
        self = value
    }
}

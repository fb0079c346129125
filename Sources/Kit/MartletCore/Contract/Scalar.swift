/// A type that is one value in JSON, in a query and in a path.
///
/// Conform a type of your own to use it in inputs and models: its syntax, its schema and its error then come from
/// one place.
public protocol Scalar: Codable, Sendable {
    static var scalarSchema: ScalarSchema { get }
    /// Any valid value; it stands in for an invalid field while the rest of the input is being checked.
    static var placeholder: Self { get }
    /// Reads the value.
    /// - Throws: what is wrong with it.
    init(reading source: ScalarSource) throws(ScalarIssue)
}

/// What a scalar is read from.
public enum ScalarSource: Sendable {
    /// The text of a path segment, a query parameter or a CSV cell.
    case text(String)
    /// A JSON string, number, boolean, or something that is none of these.
    case json(JSONValue)
}

/// Why a value is refused.
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

    /// The text of a number; in JSON a real number, not a string.
    func number(or issue: @autoclosure () -> ScalarIssue) throws(ScalarIssue) -> String {
        switch self {
        case .text(let text), .json(.number(let text)): text
        default: throw issue()
        }
    }
}

extension String: Scalar {
    public static let scalarSchema = ScalarSchema(.string)
    public static let placeholder = ""

    /// Refuses NUL and other control characters but tab and line ends: no store and no terminal wants them.
    public init(reading source: ScalarSource) throws(ScalarIssue) {
        self = try source.string(or: ScalarIssue("Must be a string.", code: "not_a_string"))
        let hasControl = utf8.contains { ($0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D) || $0 == 0x7F }
        if hasControl {
            throw ScalarIssue("Must not contain control characters.", code: "invalid_character")
        }
    }
}

extension Bool: Scalar {
    public static let scalarSchema = ScalarSchema(.boolean)
    public static let placeholder = false

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        switch source {
        case .json(.bool(let value)): self = value
        case .text("true"), .text("True"), .text("1"): self = true
        case .text("false"), .text("False"), .text("0"): self = false
        default: throw ScalarIssue("Must be true or false.", code: "not_a_boolean")
        }
    }
}

extension Int64: Scalar {
    public static let scalarSchema = ScalarSchema(.integer, format: "int64", isOrdered: true)
    public static let placeholder: Int64 = 0

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let text = try source.number(or: ScalarIssue("Must be an integer.", code: "not_an_integer"))
        // A plus sign is no part of a number in JSON, and one spelling of a number is enough elsewhere.
        guard !text.hasPrefix("+"), let value = Int64(text) else {
            let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
            if !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                throw ScalarIssue("Does not fit a 64-bit integer.", code: "out_of_range")
            }
            throw ScalarIssue("Must be an integer.", code: "not_an_integer")
        }
        self = value
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
        let text = try source.number(or: ScalarIssue("Must be a number.", code: "not_a_number"))
        guard let value = Double(text) else { throw ScalarIssue("Must be a number.", code: "not_a_number") }
        guard value.isFinite else { throw ScalarIssue("Must be a finite number.", code: "out_of_range") }
        self = value
    }
}

extension Money: Scalar {
    public static let scalarSchema = ScalarSchema(
        .number, format: "decimal", minimum: "0", maximum: maximum.description, isOrdered: true)
    public static let placeholder = Money.zero

    /// A number or a decimal string, both taken digit by digit.
    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let text: String
        switch source {
        case .text(let value), .json(.number(let value)), .json(.string(let value)): text = value
        default: throw ScalarIssue("Must be a number.", code: "not_a_number")
        }
        do {
            try self.init(decimal: text)
        } catch {
            switch error {
            case .notANumber: throw ScalarIssue("Must be a number.", code: "not_a_number")
            case .negative: throw ScalarIssue("Must be at least 0.", code: "too_small", params: ["min": "0"])
            case .tooLarge:
                throw ScalarIssue(
                    "Must be at most \(Money.maximum).", code: "too_large", params: ["max": Money.maximum.description])
            case .tooManyDecimals:
                throw ScalarIssue("Must have at most 2 decimals.", code: "too_many_decimals", params: ["max": "2"])
            }
        }
    }
}

extension Timestamp: Scalar {
    public static let scalarSchema = ScalarSchema(.string, format: "date-time", isOrdered: true)
    public static let placeholder = Timestamp(microseconds: 0)

    public init(reading source: ScalarSource) throws(ScalarIssue) {
        let issue = ScalarIssue("Must be a time such as 2026-01-31T12:00:00Z.", code: "invalid_timestamp")
        guard let value = Timestamp(try source.string(or: issue)) else { throw issue }
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
        let choices = Self.allCases.map(\.rawValue).joined(separator: ", ")
        let issue = ScalarIssue("Must be one of \(choices).", code: "invalid_choice", params: ["choices": choices])
        guard let value = Self(rawValue: try source.string(or: issue)) else { throw issue }
        self = value
    }
}

public import MartletCore
import MartletSystem

/// A value in a form that both databases store.
public enum SQLValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(String)
    case blob([UInt8])
}

/// A type whose values can be interpolated with `\(…)` in a ``SQL`` statement.
///
/// An enum with raw values opts in with an empty conformance:
/// `enum Status: String, SQLBindable, SQLDecodable { case open, paid }`.
public protocol SQLBindable {
    var sqlValue: SQLValue { get }

    /// The column type of these values. It gives an empty `\(list:)` its type.
    static var sqlType: SQLType { get }
}

/// A type that ``Queryable/value(_:_:)`` and ``Row`` can return.
public protocol SQLDecodable {
    /// - Returns: nil when the value is not of this type; the caller reports the column's name.
    init?(sqlValue: SQLValue)
}

/// The kinds of column that both databases have.
public enum SQLType: Sendable {
    case boolean, integer, double, text, blob, timestamp, date
}

extension SQLValue: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { self }
    public static var sqlType: SQLType { .text }
    public init(sqlValue: SQLValue) { self = sqlValue }
}

extension Bool: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .bool(self) }
    public static var sqlType: SQLType { .boolean }

    /// SQLite has no boolean type, so 0 and 1 are accepted too.
    public init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .bool(let value): self = value
        case .int(0): self = false
        case .int(1): self = true
        default: return nil
        }
    }
}

extension SQLBindable where Self: FixedWidthInteger {
    public static var sqlType: SQLType { .integer }
}

extension SQLDecodable where Self: FixedWidthInteger {
    public init?(sqlValue: SQLValue) {
        guard case .int(let value) = sqlValue, let exact = Self(exactly: value) else { return nil }
        self = exact
    }
}

extension Int: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .int(Int64(self)) }
}

extension Int64: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .int(self) }
}

extension Int32: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .int(Int64(self)) }
}

extension Double: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .double(self) }
    public static var sqlType: SQLType { .double }

    public init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .double(let value): self = value
        case .int(let value): self = Double(value)
        default: return nil
        }
    }
}

extension String: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .text(self) }
    public static var sqlType: SQLType { .text }

    public init?(sqlValue: SQLValue) {
        guard case .text(let value) = sqlValue else { return nil }
        self = value
    }
}

extension Substring: SQLBindable {
    public var sqlValue: SQLValue { .text(String(self)) }
    public static var sqlType: SQLType { .text }
}

extension [UInt8]: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .blob(self) }
    public static var sqlType: SQLType { .blob }

    public init?(sqlValue: SQLValue) {
        guard case .blob(let value) = sqlValue else { return nil }
        self = value
    }
}

extension Timestamp: SQLBindable, SQLDecodable {
    /// RFC 3339 with a fixed width: it sorts chronologically as text in SQLite, and PostgreSQL parses it.
    public var sqlValue: SQLValue { .text(description) }
    public static var sqlType: SQLType { .timestamp }

    public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self.init(text)
    }
}

extension CivilDate: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .text(description) }
    public static var sqlType: SQLType { .date }

    public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self.init(text)
    }
}

extension Money: SQLBindable, SQLDecodable {
    /// Whole minor units.
    public var sqlValue: SQLValue { .int(minorUnits) }
    public static var sqlType: SQLType { .integer }

    public init?(sqlValue: SQLValue) {
        guard case .int(let value) = sqlValue else { return nil }
        self.init(minorUnits: value)
    }
}

extension ID: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .int(rawValue) }
    public static var sqlType: SQLType { .integer }

    public init?(sqlValue: SQLValue) {
        guard case .int(let value) = sqlValue else { return nil }
        self.init(value)
    }
}

extension JSONValue: SQLBindable, SQLDecodable {
    /// Compact JSON text.
    public var sqlValue: SQLValue { .text(String(decoding: bytes, as: UTF8.self)) }
    public static var sqlType: SQLType { .text }

    public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue, let value = try? JSONValue(parsing: Array(text.utf8)) else { return nil }
        self = value
    }
}

extension Optional: SQLBindable where Wrapped: SQLBindable {
    public var sqlValue: SQLValue { self?.sqlValue ?? .null }
    public static var sqlType: SQLType { Wrapped.sqlType }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    public init?(sqlValue: SQLValue) {
        if case .null = sqlValue {
            self = Self.none
        } else if let wrapped = Wrapped(sqlValue: sqlValue) {
            self = Self.some(wrapped)
        } else {
            return nil
        }
    }
}

extension SQLBindable where Self: RawRepresentable, RawValue: SQLBindable {
    public var sqlValue: SQLValue { rawValue.sqlValue }
    public static var sqlType: SQLType { RawValue.sqlType }
}

extension SQLDecodable where Self: RawRepresentable, RawValue: SQLDecodable {
    public init?(sqlValue: SQLValue) {
        guard let rawValue = RawValue(sqlValue: sqlValue) else { return nil }
        self.init(rawValue: rawValue)
    }
}

extension String {
    /// Whether the text contains NUL, which PostgreSQL cannot store and at which SQLite's functions would stop.
    var containsNUL: Bool {
        var copy = self
        return copy.withUTF8 { text in
            guard let start = text.baseAddress else { return false }
            return memchr(start, 0, text.count) != nil
        }
    }
}

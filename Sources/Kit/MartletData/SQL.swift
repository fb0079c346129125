/// A SQL statement, or a part of one, with its values.
///
/// Write it as a string literal, in which `\(…)` binds a value and never inserts its text:
///
///     let statement: SQL = "SELECT name FROM products WHERE id = \(id) AND category IN \(list: categories)"
///
/// A text known only at run time cannot become SQL: values are bound, names go through
/// ``SQL/StringInterpolation/appendInterpolation(identifier:)``, and everything else must be a literal.
///
/// The same text works on SQLite and PostgreSQL: parameters are written `$1`, `$2`, …, which both accept. ``Dialect``
/// has the fragments that differ.
public struct SQL: Sendable, Hashable {
    /// The text in UTF-8. Parameters are numbered from 1 in the order of `values`.
    private(set) var text: [UInt8]
    /// The position of each parameter's `$` in `text`, used to renumber parameters when statements are nested.
    private var marks: [Int]
    private(set) var values: [SQLValue]

    private init(text: [UInt8], marks: [Int], values: [SQLValue]) {
        self.text = text
        self.marks = marks
        self.values = values
    }

    /// An empty text, for an optional part of a statement.
    public static let empty = SQL(text: [], marks: [], values: [])

    /// Whether there is no text.
    public var isEmpty: Bool { text.isEmpty }

    public static func + (left: SQL, right: SQL) -> SQL {
        var result = left
        result.append(right)
        return result
    }

    public static func += (left: inout SQL, right: SQL) { left.append(right) }

    mutating func append(literal: StaticString) {
        literal.withUTF8Buffer { text.append(contentsOf: $0) }
    }

    mutating func append(utf8: some Sequence<UInt8>) { text.append(contentsOf: utf8) }

    mutating func bind(_ value: SQLValue) {
        values.append(value)
        mark(number: values.count)
    }

    mutating func append(_ other: SQL) {
        guard !values.isEmpty, !other.values.isEmpty else {
            marks.append(contentsOf: other.marks.lazy.map { [offset = text.count] in $0 + offset })
            text.append(contentsOf: other.text)
            values.append(contentsOf: other.values)
            return
        }
        var rest = other.text[...]
        for (index, position) in other.marks.enumerated() {
            text.append(contentsOf: rest[..<position])
            mark(number: values.count + index + 1)
            rest = other.text[(position + 1)...].drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        text.append(contentsOf: rest)
        values.append(contentsOf: other.values)
    }

    private mutating func mark(number: Int) {
        marks.append(text.count)
        text.append(UInt8(ascii: "$"))
        if number < 10 {
            text.append(UInt8(ascii: "0") + UInt8(number))
        } else {
            text.append(contentsOf: String(number).utf8)
        }
    }
}

extension SQL: ExpressibleByStringInterpolation {
    /// Accepts only literals: a `StaticString` cannot be created from a text known only at run time.
    public init(stringLiteral value: StaticString) {
        self = .empty
        append(literal: value)
    }

    public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.sql }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var sql = SQL.empty

        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.text.reserveCapacity(literalCapacity + 3 * interpolationCount)
            sql.marks.reserveCapacity(interpolationCount)
            sql.values.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ literal: StaticString) { sql.append(literal: literal) }

        /// Binds a value.
        public mutating func appendInterpolation(_ value: some SQLBindable) { sql.bind(value.sqlValue) }

        /// Binds a value, or NULL.
        public mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) { sql.bind(value.sqlValue) }

        /// Nests another statement with its values.
        public mutating func appendInterpolation(_ other: SQL) { sql.append(other) }

        /// Inserts the name of a table or column, in double quotes.
        ///
        /// An invalid name (empty, longer than 63 bytes of UTF-8, or containing NUL) becomes the quoted name
        /// `invalid identifier`, which the database reports as unknown.
        public mutating func appendInterpolation(identifier name: some StringProtocol) {
            sql.append(utf8: quoted(name))
        }

        /// Binds each value: `IN \(list: ids)` becomes `IN ($1, $2)`. An empty list becomes an empty subquery, so that
        /// `IN` is false and `NOT IN` is true.
        public mutating func appendInterpolation<Values: Collection>(list values: Values)
        where Values.Element: SQLBindable {
            guard !values.isEmpty else {
                sql.append(literal: "(SELECT CAST(NULL AS ")
                sql.append(literal: Values.Element.sqlType.emptyListType)
                sql.append(literal: ") WHERE 1 = 0)")
                return
            }
            var separator: StaticString = "("
            for value in values {
                sql.append(literal: separator)
                sql.bind(value.sqlValue)
                separator = ", "
            }
            sql.append(literal: ")")
        }

        /// Inserts a text that is known at compile time.
        public mutating func appendInterpolation(raw text: StaticString) { sql.append(literal: text) }
    }
}

extension Sequence<SQL> {
    /// Joins the parts with a separator: `conditions.joined(separator: " AND ")`.
    public func joined(separator: SQL) -> SQL {
        var result = SQL.empty
        var isFirst = true
        for part in self {
            if isFirst { isFirst = false } else { result.append(separator) }
            result.append(part)
        }
        return result
    }
}

extension SQL: CustomStringConvertible {
    /// The text with `$1`, `$2`, … but without the values, which may be secret.
    public var description: String { String(decoding: text, as: UTF8.self) }
}

/// Whether a table or column can have the name. PostgreSQL would truncate a longer one.
func isIdentifier(_ name: some StringProtocol) -> Bool {
    !name.isEmpty && name.utf8.count <= 63 && !name.utf8.contains(0)
}

/// Returns a name as a quoted SQL identifier, in UTF-8.
func quoted(_ name: some StringProtocol) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    guard isIdentifier(name) else {
        return Array("\"invalid identifier\"".utf8)
    }
    var bytes = [quote]
    for byte in name.utf8 {
        if byte == quote { bytes.append(quote) }
        bytes.append(byte)
    }
    bytes.append(quote)
    return bytes
}

extension SQLType {
    /// The type in the cast of an empty list. SQLite accepts any type name, and there is no row to cast.
    fileprivate var emptyListType: StaticString {
        switch self {
        case .boolean: "BOOLEAN"
        case .integer: "BIGINT"
        case .double: "DOUBLE PRECISION"
        case .text: "TEXT"
        case .blob: "BYTEA"
        case .timestamp: "TIMESTAMPTZ"
        case .date: "DATE"
        }
    }
}

import MartletCore

/// Column names with the values to store.
///
/// Create it from a value whose properties are the columns, or as a literal for other columns:
/// `["owner": user.id, "email_key": email.key]`.
public struct ColumnValues: Sendable {
    /// The names, in the order of the properties.
    public private(set) var names: [String]
    private(set) var values: [SQLValue]

    init(names: [String], values: [SQLValue]) {
        self.names = names
        self.values = values
    }

    /// Creates the columns of a value's properties: `createdAt` is stored in `created_at`.
    ///
    /// A property of a ``SQLBindable`` type is stored as its bound value, a property that encodes as a single value as
    /// that value, any other as JSON, and nil as NULL. ``Row/decode(_:)`` reads these forms.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_columns` for a value without named properties;
    ///   the errors of its `encode(to:)`.
    public init(of value: some Encodable) throws {
        let encoder = ColumnEncoder()
        values = try encoder.values(of: value)
        names = encoder.names
    }

    /// The value of a column; nil when the column does not exist.
    public subscript(name: String) -> SQLValue? {
        names.firstIndex { $0.isExactly(name) }.map { values[$0] }
    }

    /// The columns with these names.
    public func only(_ names: some Sequence<String>) -> ColumnValues {
        let kept = Set(names.map(MemberName.init))
        let indices = self.names.indices.filter { kept.contains(MemberName(self.names[$0])) }
        return ColumnValues(names: indices.map { self.names[$0] }, values: indices.map { values[$0] })
    }

    /// Returns these columns with the values of `others` replaced, and new columns appended.
    public func with(_ others: ColumnValues) -> ColumnValues {
        var result = self
        for (name, value) in zip(others.names, others.values) {
            if let index = result.names.firstIndex(where: { $0.isExactly(name) }) {
                result.values[index] = value
            } else {
                result.names.append(name)
                result.values.append(value)
            }
        }
        return result
    }

    /// The names of the columns whose values differ from those of `others`, or that `others` lacks.
    public func names(differingFrom others: ColumnValues) -> [String] {
        zip(names, values).filter { name, value in !(others[name]?.isStoredLike(value) ?? false) }.map(\.0)
    }

    /// Whether all columns of `others` are present with the same values. Texts are compared as bytes, as in databases.
    public func contains(_ others: ColumnValues) -> Bool {
        zip(others.names, others.values).allSatisfy { name, value in self[name]?.isStoredLike(value) ?? false }
    }
}

extension ColumnValues: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (StaticString, any SQLBindable)...) {
        names = elements.map { $0.0.description }
        values = elements.map(\.1.sqlValue)
    }
}

extension SQLValue {
    fileprivate func isStoredLike(_ other: SQLValue) -> Bool {
        if case .text(let left) = self, case .text(let right) = other { left.isExactly(right) } else { self == other }
    }
}

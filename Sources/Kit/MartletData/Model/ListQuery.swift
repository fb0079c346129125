import MartletCore

/// What a client asks of a list: which items, in which order, which page.
public struct ListQuery<Row: Model>: Sendable {
    public let skip: Int
    public let limit: Int
    /// What to search for; every term has to be in one of the columns.
    let terms: [String]
    let filters: [Filter]
    let ordering: [Order]
    let searchedColumns: [String]

    struct Filter: Sendable {
        let column: String
        let comparison: Comparison
        let values: [SQLValue]
    }

    struct Order: Sendable {
        let column: String
        let isDescending: Bool
        let isOptional: Bool
        /// Texts are ordered without regard to case.
        let isText: Bool
    }

    /// How a filter compares; the raw value is what follows the field's name in the query.
    enum Comparison: String, CaseIterable, Sendable {
        case equal = ""
        case `in` = "__in"
        case greaterOrEqual = "__gte"
        case greater = "__gt"
        case lessOrEqual = "__lte"
        case less = "__lt"

        /// Whether the comparison needs an order on the field's type.
        var needsOrder: Bool { self != .equal && self != .in }
    }
}

extension ListQuery {
    /// How many rows may be passed over by a look-up. The statement has the same text however many there are, and must not
    /// become known as a slow one by a page that nobody reads.
    private static var quickSkip: Int { 1000 }

    /// How much of the table the query may look at.
    var kind: StatementKind {
        if !terms.isEmpty || skip > Self.quickSkip { return .scan }
        return filters.isEmpty && ordering.isEmpty ? .lookUp : .list
    }

    /// The condition that search and filters make.
    func condition(_ dialect: Dialect) -> SQL {
        var conditions = filters.map { filter -> SQL in
            let column: SQL = "\(identifier: filter.column)"
            guard let value = filter.values.first else { return "1 = 0" }
            return switch filter.comparison {
            case .equal: "\(column) = \(value)"
            case .in: "\(column) IN \(list: filter.values)"
            case .greaterOrEqual: "\(column) >= \(value)"
            case .greater: "\(column) > \(value)"
            case .lessOrEqual: "\(column) <= \(value)"
            case .less: "\(column) < \(value)"
            }
        }
        if !terms.isEmpty {
            conditions.append(dialect.search(searchedColumns.map { "\(identifier: $0)" }, for: terms))
        }
        return conditions.isEmpty ? "1 = 1" : conditions.joined(separator: " AND ")
    }

    /// The order, made total by the id so that pages never overlap.
    func order(_ dialect: Dialect) -> SQL {
        let keys = ordering.map { order -> SQL in
            let column: SQL = "\(identifier: order.column)"
            let value = order.isText ? dialect.alphabetical(column) : column
            let key = order.isDescending ? "\(value) DESC" : value
            return order.isOptional ? "\(key) NULLS LAST" : key
        }
        return (keys + ["id"]).joined(separator: ", ")
    }
}

extension Database {
    /// The page of a model's rows that the query asks for, with the count of all that match.
    /// - Parameter scope: a condition that always holds, such as who owns the rows.
    public func page<Row: Model>(_ query: ListQuery<Row>, where scope: SQL = "1 = 1") async throws -> RowPage<Row> {
        let matching: SQL = "FROM \(identifier: Row.table) WHERE (\(scope)) AND \(query.condition(dialect))"
        // One statement is one snapshot and one round trip.
        let kind = query.kind
        let rows = try await self.query(
            """
            SELECT \(Row.columns), (SELECT count(*) \(matching)) AS page_total \(matching)
            ORDER BY \(query.order(dialect)) LIMIT \(query.limit) OFFSET \(query.skip)
            """, kind)
        var total = 0
        if let first = rows.first {
            total = try first["page_total", as: Int.self]
        } else if query.skip > 0 {
            // A page behind the end has no row that could carry the total.
            total = try await self.query("SELECT count(*) \(matching)", kind).first?[0, as: Int.self] ?? 0
        }
        var page = RowPage<Row>(rows: rows, total: total, skip: query.skip, limit: query.limit)
        if rows.table.byteCount > PageWriter.threshold { page.prepared = try await PageWriter.shared.json(of: page) }
        return page
    }
}

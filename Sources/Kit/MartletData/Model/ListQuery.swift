import MartletCore

/// A client's query for a list: its filters, its order and its page.
public struct ListQuery<Row: Model>: Sendable {
    public let skip: Int
    public let limit: Int
    /// The words to search for. Each must occur in one of the columns.
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
        /// Whether the column is a text, which is sorted without regard to case.
        let isText: Bool
    }

    /// The operator of a filter. The raw value is the suffix of the field's name in the query.
    enum Comparison: String, CaseIterable, Sendable {
        case equal = ""
        case `in` = "__in"
        case greaterOrEqual = "__gte"
        case greater = "__gt"
        case lessOrEqual = "__lte"
        case less = "__lt"

        /// Whether the operator requires an ordered type.
        var needsOrder: Bool { self != .equal && self != .in }
    }
}

extension ListQuery {
    /// The maximum offset of a look-up. The text of the statement does not depend on the offset, so one very late page
    /// would mark the statement as slow for all pages.
    private static var quickSkip: Int { 1000 }

    /// How much of the table the query may read.
    var kind: StatementKind {
        if !terms.isEmpty || skip > Self.quickSkip { return .scan }
        return filters.isEmpty && ordering.isEmpty ? .lookUp : .list
    }

    /// The condition of the search and the filters.
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

    /// The sort order. The id makes it total, so that pages never overlap.
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
    /// Returns the requested page of a model's rows and the number of all matching rows.
    /// - Parameter scope: an additional condition, such as the owner of the rows.
    public func page<Row: Model>(_ query: ListQuery<Row>, where scope: SQL = "1 = 1") async throws -> RowPage<Row> {
        let matching: SQL = "FROM \(identifier: Row.table) WHERE (\(scope)) AND \(query.condition(dialect))"
        // A single statement: one snapshot, one round trip.
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
            // A page past the end has no row that carries the total.
            total = try await self.query("SELECT count(*) \(matching)", kind).first?[0, as: Int.self] ?? 0
        }
        var page = RowPage<Row>(rows: rows, total: total, skip: query.skip, limit: query.limit)
        if rows.table.byteCount > PageWriter.threshold { page.prepared = try await PageWriter.shared.json(of: page) }
        return page
    }
}

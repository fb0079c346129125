extension ListQuery {
    /// The query as a text that is equal for queries with the same result: without the order of parameters, filter values
    /// and search terms, with the defaults, and with `page` as `skip`. For the keys of caches.
    public var normalized: String {
        // Lengths keep a text of the client from looking like another part of the query.
        func counted(_ text: String) -> String { "\(text.utf8.count):\(text)" }
        let order = ordering.map { ($0.isDescending ? "-" : "") + $0.column }.joined(separator: ",")
        // The reader has sorted the filters by name.
        let filters = filters.map { filter in
            let values = Set(filter.values.map(\.normalized)).sorted()
            return filter.column + filter.comparison.rawValue + "=" + values.map(counted).joined()
        }
        let terms = Set(terms).sorted().map(counted).joined()
        return (["skip=\(skip)", "limit=\(limit)", "ordering=\(order)"] + filters + ["search=\(terms)"])
            .joined(separator: "&")
    }
}

extension SQLValue {
    fileprivate var normalized: String {
        switch self {
        case .null: "n"
        case .bool(let value): "b\(value)"
        case .int(let value): "i\(value)"
        case .double(let value): "d\(value)"
        case .text(let value): "t\(value)"
        case .blob(let value): "x\(value)"
        }
    }
}

public import MartletCore

/// What clients may ask of a model's list, worked out once from its rules, and the reading of what they do ask.
///
/// `skip` and `limit`, or `page` and `page_size` (from 1); `search`; `ordering=-price,name`; `field=`, `field__in=a,b`,
/// and for ordered types `field__gte=`, `field__gt=`, `field__lte=`, `field__lt=`.
public struct ListContract<Row: Model>: Sendable {
    /// One query parameter, for the OpenAPI document.
    public struct Parameter: Sendable {
        public let name: String
        public let documentation: String
        public let schema: Schema
    }

    public static var defaultLimit: Int { 20 }
    public static var maximumLimit: Int { 100 }
    private static var maximumSearchLength: Int { 200 }
    private static var maximumValues: Int { 100 }

    private struct Filterable: Sendable {
        let column: String
        let comparison: ListQuery<Row>.Comparison
        let type: any Scalar.Type
    }

    public let parameters: [Parameter]
    private let filters: [String: Filterable]
    private let orderable: [String: ObjectSchema.Field]
    private let searched: [String]

    public init() {
        var filters: [String: Filterable] = [:]
        var orderable: [String: ObjectSchema.Field] = [:]
        var searched: [String] = []
        var filterParameters: [Parameter] = []
        for field in Row.fields {
            guard case .scalar(let type) = field.schema, let rule = field.rule else { continue }
            if rule.list.contains(.search) { searched.append(field.name) }
            if rule.list.contains(.order) { orderable[field.name] = field }
            guard rule.list.contains(.filter) else { continue }
            for comparison in ListQuery<Row>.Comparison.allCases
            where !comparison.needsOrder || type.scalarSchema.isOrdered {
                let name = field.name + comparison.rawValue
                filters[name] = Filterable(column: field.name, comparison: comparison, type: type)
                filterParameters.append(
                    Parameter(
                        name: name,
                        documentation: comparison == .in ? "One of these, comma-separated." : rule.documentation,
                        schema: comparison == .in ? .scalar(String.self) : field.schema))
            }
        }
        self.filters = filters
        self.orderable = orderable
        self.searched = searched
        var parameters = [
            Parameter(name: "skip", documentation: "How many items to pass over.", schema: .scalar(Int.self)),
            Parameter(
                name: "limit",
                documentation: "How many items to give, 1 to \(Self.maximumLimit); \(Self.defaultLimit) unless said.",
                schema: .scalar(Int.self)),
            Parameter(name: "page", documentation: "The page, from 1; instead of skip.", schema: .scalar(Int.self)),
            Parameter(name: "page_size", documentation: "Items a page; instead of limit.", schema: .scalar(Int.self)),
        ]
        if !searched.isEmpty {
            parameters.append(
                Parameter(
                    name: "search", documentation: "Text to look for in \(searched.joined(separator: ", ")).",
                    schema: .scalar(String.self)))
        }
        if !orderable.isEmpty {
            let names = orderable.keys.sorted().joined(separator: ", ")
            parameters.append(
                Parameter(
                    name: "ordering", documentation: "Fields to order by, comma-separated, - for descending: \(names).",
                    schema: .scalar(String.self)))
        }
        self.parameters = parameters + filterParameters
    }

    /// - Parameter query: names and values, decoded, in the order they came.
    /// - Throws: ``Problem`` 422 that names every parameter that is unknown, given twice or invalid.
    public func read(_ query: [(name: String, value: String)]) throws(Problem) -> ListQuery<Row> {
        var errors: [FieldError] = []
        var values: [String: String] = [:]
        for (name, value) in query {
            if values.updateValue(value, forKey: name) != nil {
                errors.append(Self.error(name, ScalarIssue("Given more than once.", code: "duplicate_parameter")))
            }
        }
        func take<Value: Scalar>(_ name: String, _ type: Value.Type) -> Value? {
            guard let text = values.removeValue(forKey: name) else { return nil }
            do throws(ScalarIssue) {
                return try Value(reading: .text(text))
            } catch {
                errors.append(Self.error(name, error))
                return nil
            }
        }
        func bounded(_ name: String, _ range: ClosedRange<Int>) -> Int? {
            guard let value = take(name, Int.self) else { return nil }
            if value < range.lowerBound {
                errors.append(
                    Self.error(
                        name,
                        ScalarIssue(
                            "Must be at least \(range.lowerBound).", code: "too_small",
                            params: ["min": "\(range.lowerBound)"])))
            } else if value > range.upperBound {
                errors.append(
                    Self.error(
                        name,
                        ScalarIssue(
                            "Must be at most \(range.upperBound).", code: "too_large",
                            params: ["max": "\(range.upperBound)"])))
            }
            return range.contains(value) ? value : nil
        }

        for (alias, name) in [("page", "skip"), ("page_size", "limit")]
        where values[alias] != nil && values[name] != nil {
            errors.append(
                Self.error(alias, ScalarIssue("Give \(name) or \(alias), not both.", code: "duplicate_parameter")))
        }
        let limit =
            bounded("limit", 1...Self.maximumLimit) ?? bounded("page_size", 1...Self.maximumLimit) ?? Self.defaultLimit
        let page = bounded("page", 1...(Int.max / limit))
        let skip = bounded("skip", 0...Int.max) ?? page.map { ($0 - 1) * limit } ?? 0
        var search = searched.isEmpty ? nil : take("search", String.self)
        if let text = search {
            if text.unicodeScalars.count > Self.maximumSearchLength {
                let limit = Self.maximumSearchLength
                errors.append(
                    Self.error(
                        "search",
                        ScalarIssue(
                            "Must have at most \(limit) characters.", code: "too_long", params: ["max": "\(limit)"])))
            }
            if text.isEmpty { search = nil }
        }
        let ordering = orderable.isEmpty ? [] : readOrdering(take("ordering", String.self), &errors)
        var found: [ListQuery<Row>.Filter] = []
        for (name, text) in values.sorted(by: { $0.key < $1.key }) {
            guard let filter = filters[name] else {
                errors.append(Self.error(name, ScalarIssue("Unknown parameter.", code: "unknown_parameter")))
                continue
            }
            do throws(ScalarIssue) {
                found.append(
                    .init(column: filter.column, comparison: filter.comparison, values: try readValues(text, filter)))
            } catch {
                errors.append(Self.error(name, error))
            }
        }
        let terms = SearchTerms.split(search ?? "")
        if terms.count > SearchTerms.maximum { errors.append(Self.error("search", SearchTerms.tooMany)) }
        guard errors.isEmpty else { throw .invalid(errors) }
        return ListQuery(
            skip: skip, limit: limit, terms: terms, filters: found, ordering: ordering, searchedColumns: searched)
    }

    private func readOrdering(_ text: String?, _ errors: inout [FieldError]) -> [ListQuery<Row>.Order] {
        var keys: [ListQuery<Row>.Order] = []
        for part in text?.split(separator: ",") ?? [] {
            let isDescending = part.hasPrefix("-")
            let name = String(isDescending ? part.dropFirst() : part)
            guard let field = orderable[name] else {
                let choices = orderable.keys.sorted().joined(separator: ", ")
                errors.append(
                    Self.error(
                        "ordering",
                        ScalarIssue(
                            "Cannot order by '\(name.prefix(64))'; there are \(choices).", code: "unknown_field",
                            params: ["choices": choices])))
                continue
            }
            if keys.contains(where: { $0.column == name }) { continue }
            keys.append(
                .init(column: name, isDescending: isDescending, isOptional: field.isOptional, isText: field.isText))
        }
        return keys
    }

    private func readValues(_ text: String, _ filter: Filterable) throws(ScalarIssue) -> [SQLValue] {
        let texts = filter.comparison == .in ? text.split(separator: ",").map(String.init) : [text]
        guard texts.count <= Self.maximumValues else {
            throw ScalarIssue(
                "Must have at most \(Self.maximumValues) values.", code: "too_long",
                params: ["max": "\(Self.maximumValues)"])
        }
        var values: [SQLValue] = []
        for text in texts {
            let value = try filter.type.init(reading: .text(text))
            guard let bindable = value as? any SQLBindable else {
                throw ScalarIssue("Cannot be filtered by.", code: "unknown_parameter")
            }
            values.append(bindable.sqlValue)
        }
        return values
    }

    private static func error(_ name: String, _ issue: ScalarIssue) -> FieldError {
        FieldError(
            loc: ["query", String(name.prefix(100))], message: issue.message, code: issue.code, params: issue.params)
    }
}

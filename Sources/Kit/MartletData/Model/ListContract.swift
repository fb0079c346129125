public import MartletCore

/// The query parameters of a model's list, derived once from its rules, and their parser.
///
/// `skip` and `limit`, or `page` and `page_size` (from 1); `search`; `ordering=-price,name`; `field=`, `field__in=a,b`,
/// and for ordered types `field__gte=`, `field__gt=`, `field__lte=`, `field__lt=`.
public struct ListContract<Row: Model>: Sendable {
    /// One query parameter, for the OpenAPI document.
    public struct Parameter: Sendable {
        public let name: String
        public let schema: Schema
        /// The constraints and the documentation of the value.
        public let rule: Rule
    }

    public static var defaultLimit: Int { 20 }
    public static var maximumLimit: Int { 100 }
    private static var maximumSearchLength: Int { 200 }
    /// The last possible page of any size.
    private static var maximumPage: Int { Int.max / maximumLimit }
    private static var maximumValues: Int { 100 }
    /// The maximum number of Unicode scalars in a filter text or an ordering. Two such texts of any script,
    /// percent-encoded, fit in the request line that the gateway accepts.
    private static var maximumTextLength: Int { 300 }
    /// The maximum length of a list of numbers or times: enough for 100 of the longest numbers.
    private static var maximumValuesLength: Int { 2000 }
    /// The format of all values other than texts.
    private static var ascii: Format {
        Format("^[ -~]*$", message: "Must contain only ASCII characters.", code: "invalid_character") {
            $0.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        }
    }

    private struct Filterable: Sendable {
        let column: String
        let comparison: ListQuery<Row>.Comparison
        let type: any Scalar.Type
        /// The rule that the whole parameter must satisfy before its values are read.
        let rule: Rule
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
                let rule = Self.filterRule(for: field, comparison, rule.documentation)
                filters[rule.name] = Filterable(column: field.name, comparison: comparison, type: type, rule: rule)
                filterParameters.append(
                    Parameter(
                        name: rule.name, schema: comparison == .in ? .scalar(String.self) : field.schema, rule: rule))
            }
        }
        self.filters = filters
        self.orderable = orderable
        self.searched = searched
        func parameter(_ rule: Rule, _ type: any Scalar.Type) -> Parameter {
            Parameter(name: rule.name, schema: .scalar(type), rule: rule)
        }
        let limit = JSONValue.number("\(Self.defaultLimit)")
        let maximum = Int64(Self.maximumLimit)
        var parameters = [
            parameter(Rule(name: "skip", "The number of items to skip.", minimum: 0, default: 0), Int.self),
            parameter(
                Rule(name: "limit", "The maximum number of items.", minimum: 1, maximum: maximum, default: limit),
                Int.self),
            parameter(
                Rule(name: "page", "The page, from 1. Replaces skip.", minimum: 1, maximum: Int64(Self.maximumPage)),
                Int.self),
            parameter(
                Rule(name: "page_size", "Items per page. Replaces limit.", minimum: 1, maximum: maximum), Int.self),
        ]
        if !searched.isEmpty {
            let text =
                "Up to \(SearchTerms.maximum) words. Each must occur in one of \(searched.joined(separator: ", "))."
            parameters.append(
                parameter(Rule(name: "search", text, length: 0...Self.maximumSearchLength), String.self))
        }
        if !orderable.isEmpty {
            let names = orderable.keys.sorted().joined(separator: ", ")
            let text = "Fields to sort by, separated by commas, with a leading - for descending order: \(names)."
            parameters.append(parameter(Self.orderingRule(text), String.self))
        }
        self.parameters = parameters + filterParameters
    }

    private static func orderingRule(_ documentation: String = "") -> Rule {
        Rule(name: "ordering", documentation, length: 0...maximumTextLength)
    }

    private static func filterRule(
        for field: ObjectSchema.Field, _ comparison: ListQuery<Row>.Comparison, _ documentation: String
    ) -> Rule {
        let name = field.name + comparison.rawValue
        guard comparison == .in else {
            return Rule(name: name, documentation, length: field.isText ? 0...maximumTextLength : nil)
        }
        return Rule(
            name: name, "Matches any of these values, separated by commas, at most \(maximumValues).",
            length: 0...(field.isText ? maximumTextLength : maximumValuesLength), format: field.isText ? nil : ascii)
    }

    /// - Parameter query: decoded names and values, in the order received.
    /// - Throws: ``Problem`` 422 that lists every unknown, duplicate or invalid parameter.
    public func read(_ query: [(name: String, value: String)]) throws(Problem) -> ListQuery<Row> {
        var errors: [FieldError] = []
        var values: [String: String] = [:]
        for (name, value) in query {
            // Compare names as bytes: every valid name is ASCII.
            guard name.utf8.allSatisfy({ $0 < 0x80 }) else {
                errors.append(unknown(name, isListed: errors.count < Problem.maximumErrors))
                continue
            }
            if values.updateValue(value, forKey: name) != nil {
                errors.append(
                    Self.error(
                        name, ScalarIssue("Must be given only once.", code: "duplicate_parameter")))
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
                Self.error(alias, ScalarIssue("Use \(name) or \(alias), not both.", code: "duplicate_parameter")))
        }
        let limit =
            bounded("limit", 1...Self.maximumLimit) ?? bounded("page_size", 1...Self.maximumLimit) ?? Self.defaultLimit
        let page = bounded("page", 1...Self.maximumPage)
        let skip = bounded("skip", 0...Int.max) ?? page.map { ($0 - 1) * limit } ?? 0
        var search = searched.isEmpty ? nil : take("search", String.self)
        if let text = search {
            do throws(ScalarIssue) {
                search = try NormalizedText.nfc(text, maximumCharacters: Self.maximumSearchLength)
            } catch {
                errors.append(Self.error("search", error))
            }
            if text.isEmpty { search = nil }
        }
        let ordering = orderable.isEmpty ? [] : readOrdering(values.removeValue(forKey: "ordering"), &errors)
        var found: [ListQuery<Row>.Filter] = []
        for (name, text) in values.sorted(by: { $0.key < $1.key }) {
            guard let filter = filters[name] else {
                errors.append(unknown(name, isListed: errors.count < Problem.maximumErrors))
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
        let parts: [Substring.UTF8View]
        do throws(ScalarIssue) {
            let text = try String(reading: .text(text ?? ""), rule: Self.orderingRule())
            parts = text.utf8.split(separator: UInt8(ascii: ","))
        } catch {
            errors.append(Self.error("ordering", error))
            return []
        }
        guard parts.count <= orderable.count else {
            errors.append(
                Self.error(
                    "ordering",
                    ScalarIssue(
                        "Must have at most \(orderable.count) fields.", code: "too_long",
                        params: ["max": "\(orderable.count)"])))
            return []
        }
        for part in parts {
            let isDescending = part.first == UInt8(ascii: "-")
            let name = String(decoding: isDescending ? part.dropFirst() : part, as: UTF8.self)
            let isName = name.utf8.count <= 64 && name.utf8.allSatisfy { $0 < 0x80 }
            guard isName, let field = orderable[name] else {
                let names = orderable.keys.sorted()
                let choices = names.joined(separator: ", ")
                let hint = Suggestion.hint(for: name, among: names)
                errors.append(
                    Self.error(
                        "ordering",
                        ScalarIssue(
                            "Cannot sort by '\(name.clipped())', only by \(choices).\(hint)", code: "unknown_field",
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
        // Normalize to NFC, the form in which texts are stored.
        let text = try String(reading: .text(text), rule: filter.rule)
        let texts =
            filter.comparison == .in
            ? text.utf8.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) } : [text]
        guard texts.count <= Self.maximumValues else {
            throw ScalarIssue(
                "Must have at most \(Self.maximumValues) values.", code: "too_long",
                params: ["max": "\(Self.maximumValues)"])
        }
        var values: [SQLValue] = []
        for text in texts {
            guard let bindable = try filter.type.init(reading: .text(text)) as? any SQLBindable else {
                throw ScalarIssue("Cannot be used as a filter.", code: "unknown_parameter")
            }
            values.append(bindable.sqlValue)
        }
        return values
    }

    /// - Parameter isListed: whether the response lists this error; otherwise no suggestion is computed.
    private func unknown(_ name: String, isListed: Bool) -> FieldError {
        let hint = isListed ? Suggestion.hint(for: name, among: parameters.map(\.name)) : ""
        return Self.error(name, ScalarIssue("Unknown parameter.\(hint)", code: "unknown_parameter"))
    }

    private static func error(_ name: String, _ issue: ScalarIssue) -> FieldError {
        FieldError(
            loc: ["query", name.clipped(toUTF8: FieldError.maximumNameBytes)], message: issue.message,
            code: issue.code, params: issue.params)
    }
}

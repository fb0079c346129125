import HTTPTypes
public import MartletCore
public import MartletData

/// The input of an operation: a struct whose fields come from the path, and from the query (`GET`, `DELETE`) or the
/// JSON body (`POST`, `PUT`, `PATCH`). A field whose rule names a header field (``Rule/header``) comes from there.
///
/// A conforming type declares its properties and ``Described/rules``; its `Decodable` conformance is synthesized.
public protocol Input: Decodable, RouteInput, Described {}

extension Input {
    public static var rules: Rules { .none }
}

/// A type that a handler can take as a parameter: an ``Input``, an ``ID`` from the path, a ``ListQuery``, a
/// ``MergePatch`` or a ``RawBody``.
public protocol RouteInput: Sendable {
    /// Returns how to read the value from a route's requests and how to document it. Called once per route.
    static func bind(to route: RouteShape) -> InputBinding<Self>
}

/// The facts about a route that an input needs.
public struct RouteShape: Sendable {
    public let hasBody: Bool
    /// The parameter names in the path template, in order.
    public let pathParameters: [String]
}

/// How an input is read and documented.
public struct InputBinding<Value: Sendable>: Sendable {
    let description: InputDescription
    let read: @Sendable (RequestParts) throws -> Value
}

/// The decoded but still untyped contents of a request.
public struct RequestParts: Sendable {
    public let path: [String: String]
    public let query: [(name: String, value: String)]
    /// nil when the request has no body.
    public let body: JSONValue?
    /// The values of the header fields that the route's inputs name, by that name. Usually one each.
    public var headers: [String: [String]] = [:]
    /// nil when the route takes no raw body.
    public var rawBody: RawBody?
}

/// The description of an input in the OpenAPI document.
public struct InputDescription: Sendable {
    struct Parameter: Sendable {
        let place: String
        let name: String
        let schema: Schema
        let isRequired: Bool
        let rule: Rule?
        let documentation: String
    }

    var parameters: [Parameter] = []
    var body: ObjectSchema?
    var rawBody: RawBody.Description?
    /// A merge patch: no field of the body is required.
    var isPartial = false

    /// The names of the header fields among the parameters.
    var headers: [String] { parameters.filter { $0.place == "header" }.map(\.name) }
}

extension Input {
    public static func bind(to route: RouteShape) -> InputBinding<Self> {
        var description = InputDescription()
        guard case .object(let schema) = Schema.of(Self.self) else {
            preconditionFailure("\(Self.self) is an Input and must be a struct of named fields")
        }
        var rest: [ObjectSchema.Field] = []
        var headers: [String] = []
        for field in schema.fields {
            if let header = field.rule?.header {
                guard HTTPField.Name(header) != nil else {
                    preconditionFailure("\(Self.self).\(field.name): '\(header)' is not the name of a header field")
                }
                headers.append(header)
                description.parameters.append(
                    .init(
                        place: "header", name: header, schema: field.schema, isRequired: field.isRequired,
                        rule: field.rule, documentation: field.rule?.documentation ?? ""))
                continue
            }
            let inPath = route.pathParameters.contains(field.name)
            guard inPath || !route.hasBody else {
                rest.append(field)
                continue
            }
            description.parameters.append(
                .init(
                    place: inPath ? "path" : "query", name: field.name, schema: field.schema,
                    isRequired: inPath || field.isRequired, rule: field.rule,
                    documentation: field.rule?.documentation ?? ""))
        }
        if route.hasBody { description.body = ObjectSchema(name: schema.name, fields: rest) }
        let known = schema.fields.filter { $0.rule?.header == nil }.map(\.name)
        let hasBody = route.hasBody
        return InputBinding(description: description) { [headers] parts in
            var sources = [InputDecoder.Source(place: "path", texts: parts.path)]
            if !headers.isEmpty { sources.append(.init(headers: try headerTexts(parts.headers, named: headers))) }
            if hasBody {
                sources.append(try .init(body: parts.body ?? .object([])))
            } else {
                sources.append(.init(place: "query", texts: try queryTexts(parts.query, known: known)))
            }
            return try InputDecoder.decode(Self.self, from: sources)
        }
    }
}

/// The header fields as a dictionary.
/// - Throws: ``Problem`` 422 for a field that is given twice: which of them a proxy or the sender means is unknown.
private func headerTexts(_ fields: [String: [String]], named names: [String]) throws(Problem) -> [String: String] {
    var texts: [String: String] = [:]
    var errors: [FieldError] = []
    for name in names {
        let values = fields[name] ?? []
        texts[name] = values.first
        if values.count > 1 {
            errors.append(
                FieldError(loc: ["header", name], message: "Must be given only once.", code: "duplicate_parameter"))
        }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return texts
}

/// The query as a dictionary.
/// - Throws: ``Problem`` 422 for a parameter that is unknown or given twice.
private func queryTexts(_ query: [(name: String, value: String)], known: [String]) throws -> [String: String] {
    let names = Set(known.map(MemberName.init))
    var texts: [String: String] = [:]
    var errors: [FieldError] = []
    for (name, value) in query {
        let loc = ["query", name.clipped(toUTF8: FieldError.maximumNameBytes)]
        if !names.contains(MemberName(name)) {
            // Compute no more suggestions than the response lists.
            let message =
                errors.count < Problem.maximumErrors
                ? Suggestion.unknown("parameter", name, among: known) : "Unknown parameter."
            errors.append(FieldError(loc: loc, message: message, code: "unknown_parameter"))
        } else if texts.updateValue(value, forKey: name) != nil {
            errors.append(
                FieldError(loc: loc, message: "Must be given only once.", code: "duplicate_parameter"))
        }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return texts
}

/// An id in a handler's parameters is read from the first path parameter.
extension ID: RouteInput {
    public static func bind(to route: RouteShape) -> InputBinding<ID> {
        let name = route.pathParameters.first ?? "id"
        var description = InputDescription()
        description.parameters = [
            .init(
                place: "path", name: name, schema: .scalar(Self.self), isRequired: true, rule: nil,
                documentation: "The id of the \(String(describing: Model.self).lowercased()).")
        ]
        return InputBinding(description: description) { parts in
            do {
                return try ID(reading: .text(parts.path[name] ?? ""))
            } catch let issue as ScalarIssue {
                throw Problem.invalid([
                    FieldError(loc: ["path", name], message: issue.message, code: issue.code, params: issue.params)
                ])
            }
        }
    }
}

extension ListQuery: RouteInput {
    public static func bind(to route: RouteShape) -> InputBinding<ListQuery> {
        let contract = ListContract<Row>()
        var description = InputDescription()
        description.parameters = contract.parameters.map {
            .init(
                place: "query", name: $0.name, schema: $0.schema, isRequired: false, rule: $0.rule,
                documentation: $0.rule.documentation)
        }
        return InputBinding(description: description) { try contract.read($0.query) }
    }
}

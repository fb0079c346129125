public import MartletCore
public import MartletData

/// What an operation takes: one struct, whose fields come from the path, and from the query (`GET`, `DELETE`) or the
/// JSON body (`POST`, `PUT`, `PATCH`).
///
/// The synthesized `Decodable` and ``Described/rules`` are all there is to write.
public protocol Input: Decodable, RouteInput, Described {}

extension Input {
    public static var rules: Rules { .none }
}

/// Anything a handler may take as a parameter: an ``Input``, an ``ID`` from the path, a ``ListQuery``, a
/// ``MergePatch``.
public protocol RouteInput: Sendable {
    /// Works out, once, how the value is read from a route's requests and how it is documented.
    static func bind(to route: RouteShape) -> InputBinding<Self>
}

/// What an input may know of the route it is read for.
public struct RouteShape: Sendable {
    public let hasBody: Bool
    /// The names in the path's template, in their order.
    public let pathParameters: [String]
}

/// How an input is read and documented.
public struct InputBinding<Value: Sendable>: Sendable {
    let description: InputDescription
    let read: @Sendable (RequestParts) throws -> Value
}

/// What a request holds, decoded and not yet typed.
public struct RequestParts: Sendable {
    public let path: [String: String]
    public let query: [(name: String, value: String)]
    /// nil when the request has no body.
    public let body: JSONValue?
}

/// What the OpenAPI document says of an input.
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
    /// A merge patch: no field of the body is required.
    var isPartial = false
}

extension Input {
    public static func bind(to route: RouteShape) -> InputBinding<Self> {
        var description = InputDescription()
        guard case .object(let schema) = Schema.of(Self.self) else {
            preconditionFailure("\(Self.self) is an Input and must be a struct of named fields")
        }
        var rest: [ObjectSchema.Field] = []
        for field in schema.fields {
            let inPath = route.pathParameters.contains(field.name)
            guard inPath || !route.hasBody else {
                rest.append(field)
                continue
            }
            description.parameters.append(
                .init(
                    place: inPath ? "path" : "query", name: field.name, schema: field.schema,
                    isRequired: inPath || !(field.isOptional || field.rule?.defaultValue != nil), rule: field.rule,
                    documentation: field.rule?.documentation ?? ""))
        }
        if route.hasBody { description.body = ObjectSchema(name: schema.name, fields: rest) }
        let known = schema.fields.map(\.name)
        let hasBody = route.hasBody
        return InputBinding(description: description) { parts in
            let path = InputDecoder.Source(place: "path", texts: parts.path)
            if hasBody {
                return try InputDecoder.decode(Self.self, from: [path, .init(body: parts.body ?? .object([]))])
            }
            let query = try queryTexts(parts.query, known: known)
            return try InputDecoder.decode(Self.self, from: [path, .init(place: "query", texts: query)])
        }
    }
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
            // No more suggestions than are listed.
            let message =
                errors.count < Problem.maximumErrors
                ? Suggestion.unknown("parameter", name, among: known) : "Unknown parameter."
            errors.append(FieldError(loc: loc, message: message, code: "unknown_parameter"))
        } else if texts.updateValue(value, forKey: name) != nil {
            errors.append(
                FieldError(loc: loc, message: "Must be given once, and is given again.", code: "duplicate_parameter"))
        }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return texts
}

/// An id as a handler's parameter is the path's first parameter.
extension ID: RouteInput {
    public static func bind(to route: RouteShape) -> InputBinding<ID> {
        let name = route.pathParameters.first ?? "id"
        var description = InputDescription()
        description.parameters = [
            .init(
                place: "path", name: name, schema: .scalar(Self.self), isRequired: true, rule: nil,
                documentation: "Which \(String(describing: Model.self).lowercased()).")
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

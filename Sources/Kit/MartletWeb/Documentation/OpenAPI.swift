import HTTPTypes
public import MartletCore

/// Generates OpenAPI 3.1 documents from the types and rules of routes.
public enum OpenAPI {
    /// The document of one service.
    public static func document(title: String, summary: String, version: String, routes: [Route]) -> JSONValue {
        var components = Components()
        // Output schemas come first, so that they get the plain names.
        for case let schema? in routes.map(\.output.schema) { _ = outputSchema(schema, &components) }
        let versioned = Set(routes.filter { $0.method == .get && $0.output.headers.contains("ETag") }.map(\.path))
        var paths: [(String, [(String, JSONValue)])] = []
        for route in routes {
            let described = DescribedRoute(route: route, isVersioned: versioned.contains(route.path))
            let operation = (route.method.rawValue.lowercased(), described.operation(&components))
            if let index = paths.firstIndex(where: { $0.0 == route.path }) {
                paths[index].1.append(operation)
            } else {
                paths.append((route.path, [operation]))
            }
        }
        let responses = components.responses()
        return [
            "openapi": "3.1.0",
            "info": ["title": .string(title), "summary": .string(summary), "version": .string(version)],
            "paths": .object(paths.map { ($0.0, .object($0.1)) }),
            "components": [
                "schemas": .object(components.schemas), "responses": responses, "headers": Components.headers,
                "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
            ],
        ]
    }

    static func outputSchema(_ schema: Schema, _ components: inout Components) -> JSONValue {
        var writer = JSONSchema(.output, components)
        defer { components = writer.components }
        return writer.of(schema, rule: nil)
    }
}

/// A route, and what the other routes of its path reveal about the resource.
private struct DescribedRoute {
    let route: Route
    /// Whether the resource has versions, so that a change may name the expected version.
    let isVersioned: Bool

    private var isChange: Bool { [.put, .patch, .delete].contains(route.method) }
    private var hasBody: Bool { route.input.body.map { !$0.fields.isEmpty } ?? false }

    func operation(_ components: inout Components) -> JSONValue {
        var members: [(String, JSONValue)] = []
        if let tag = route.tag { members.append(("tags", [.string(tag)])) }
        if !route.summary.isEmpty { members.append(("summary", .string(route.summary))) }
        members.append(("operationId", .string(operationID)))
        switch route.access {
        case .permission(let permission, let staffOnly):
            let staff = staffOnly ? " and a staff account" : ""
            members.append(("description", .string("Requires the permission `\(permission)`\(staff).")))
            members.append(("security", [["bearer": []]]))
        case .signedIn: members.append(("security", [["bearer": []]]))
        case .public, nil: members.append(("security", []))
        }
        let parameters = parameters(&components)
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        if let body = requestBody(&components) { members.append(("requestBody", body)) }
        members.append(("responses", responses(&components)))
        return .object(members)
    }

    private var operationID: String {
        let parts = route.path.split { !$0.isLetter && !$0.isNumber }
        return ([route.method.rawValue.lowercased()[...]] + parts).joined(separator: "_")
    }

    private func parameters(_ components: inout Components) -> [JSONValue] {
        var parameters = route.input.parameters.map { parameter in
            var writer = JSONSchema(.input, components)
            defer { components = writer.components }
            let schema = writer.of(parameter.schema, rule: parameter.rule)
            return Self.parameter(
                parameter.name, parameter.place, parameter.documentation, schema, isRequired: parameter.isRequired)
        }
        if let idempotency = route.idempotency {
            parameters.append(
                Self.parameter(
                    Idempotency.name, "header",
                    "Identifies the request. Of several requests with one key and the same content only the first is "
                        + "carried out; the others get its answer, for 24 hours. With other content the response is 422 "
                        + "`idempotency_key_reused`, and 409 `idempotency_key_in_use` while the first one is being handled.",
                    [
                        "type": "string", "minLength": 1, "maxLength": .number("\(Idempotency.maximumLength)"),
                        "pattern": "^[!-~]+$",
                    ], isRequired: idempotency.requiresKey))
        }
        guard isVersioned else { return parameters }
        if isChange {
            parameters.append(
                Self.parameter(
                    "If-Match", "header", "The ETag of the expected version. The response is 412 if it has changed.",
                    ["type": "string"]))
        } else if route.method == .get {
            parameters.append(
                Self.parameter(
                    "If-None-Match", "header", "The ETag of a cached version. The response is 304 if it is current.",
                    ["type": "string"]))
        }
        return parameters
    }

    private static func parameter(
        _ name: String, _ place: String, _ documentation: String, _ schema: JSONValue, isRequired: Bool = false
    ) -> JSONValue {
        // The description belongs to the parameter, not to its schema.
        let members = (schema.objectValue ?? []).filter { $0.0 != "description" }
        return [
            "name": .string(name), "in": .string(place), "required": .bool(isRequired),
            "description": .string(documentation), "schema": .object(members),
        ]
    }

    private func requestBody(_ components: inout Components) -> JSONValue? {
        if let raw = route.input.rawBody {
            return [
                "required": true, "description": .string("At most \(raw.maximumBytes) bytes."),
                "content": .object([(raw.mediaType, .object([]))]),
            ]
        }
        guard let body = route.input.body, !body.fields.isEmpty else { return nil }
        var writer = JSONSchema(route.input.isPartial ? .patch : .input, components)
        let schema = writer.reference(body, isBody: true)
        components = writer.components
        // A body without required members may be absent.
        let isRequired =
            !route.input.isPartial && body.fields.contains(where: \.isRequired)
        var content: [(String, JSONValue)] = [("application/json", ["schema": schema])]
        if route.input.isPartial { content.append(("application/merge-patch+json", ["schema": schema])) }
        return ["required": .bool(isRequired), "content": .object(content)]
    }

    private func responses(_ components: inout Components) -> JSONValue {
        var success: [(String, JSONValue)] = [("description", .string(reason))]
        let headers = route.output.headers + (route.idempotency == nil ? [] : [Idempotency.replayed])
        if !headers.isEmpty { success.append(("headers", Components.headers(headers))) }
        if let schema = route.output.schema {
            let json = OpenAPI.outputSchema(schema, &components)
            success.append(("content", ["application/json": ["schema": json]]))
        }
        var members: [(String, JSONValue)] = [(String(route.output.status), .object(success))]
        if isVersioned, route.method == .get {
            let headers = Components.headers(["ETag"])
            members.append(
                ("304", ["description": "The cached version is current.", "headers": headers]))
        }
        for problem in problems {
            members.append((problem.status, ["$ref": .string("#/components/responses/\(problem.rawValue)")]))
        }
        return .object(members)
    }

    private var problems: [ProblemResponse] {
        let takesKey = route.idempotency != nil
        let hasInput = !route.input.parameters.isEmpty || hasBody || takesKey
        var problems: [ProblemResponse] = [.badRequest]
        if route.access != .public { problems.append(.unauthorized) }
        if case .permission = route.access { problems.append(.forbidden) }
        if route.path.contains("{") { problems.append(.notFound) }
        // Creating or changing a resource may violate a unique column.
        if route.output.status == 201 || (isChange && isVersioned) || takesKey { problems.append(.conflict) }
        if isChange && isVersioned { problems.append(.preconditionFailed) }
        if hasBody { problems += [.contentTooLarge, .unsupportedMediaType] }
        if route.input.rawBody != nil { problems.append(.contentTooLarge) }
        if hasInput { problems.append(.invalid) }
        return problems + [.tooManyRequests, .unavailable, .other]
    }

    private var reason: String {
        switch route.output.status {
        case 201: "Created"
        case 204: "No content"
        default: "OK"
        }
    }
}

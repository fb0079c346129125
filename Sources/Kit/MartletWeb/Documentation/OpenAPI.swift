import HTTPTypes
public import MartletCore

/// OpenAPI 3.1 documents, made from the routes' own types and rules.
public enum OpenAPI {
    /// The document of one service.
    public static func document(title: String, summary: String, version: String, routes: [Route]) -> JSONValue {
        var components = Components()
        var paths: [(String, [(String, JSONValue)])] = []
        for route in routes {
            let operation = (route.method.rawValue.lowercased(), operation(route, &components))
            if let index = paths.firstIndex(where: { $0.0 == route.path }) {
                paths[index].1.append(operation)
            } else {
                paths.append((route.path, [operation]))
            }
        }
        return [
            "openapi": "3.1.0",
            "info": ["title": .string(title), "summary": .string(summary), "version": .string(version)],
            "paths": .object(paths.map { ($0.0, .object($0.1)) }),
            "components": [
                "schemas": .object(components.schemas),
                "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
            ],
        ]
    }

    /// One document of many: paths and components side by side; what two of them define alike stands once.
    public static func merged(title: String, version: String, _ documents: [JSONValue]) -> JSONValue {
        func union(_ path: [String]) -> JSONValue {
            var members: [(String, JSONValue)] = []
            for document in documents {
                let found = path.reduce(document) { $0[$1] ?? [:] }
                for member in found.objectValue ?? [] where !members.contains(where: { $0.0 == member.0 }) {
                    members.append(member)
                }
            }
            return .object(members)
        }
        return [
            "openapi": "3.1.0",
            "info": ["title": .string(title), "version": .string(version)],
            "paths": union(["paths"]),
            "components": [
                "schemas": union(["components", "schemas"]),
                "securitySchemes": union(["components", "securitySchemes"]),
            ],
        ]
    }

    private static func operation(_ route: Route, _ components: inout Components) -> JSONValue {
        var members: [(String, JSONValue)] = []
        if let tag = route.tag { members.append(("tags", [.string(tag)])) }
        if !route.summary.isEmpty { members.append(("summary", .string(route.summary))) }
        members.append(("operationId", .string(operationID(route))))
        switch route.access {
        case .permission(let permission, let staffOnly):
            let staff = staffOnly ? " and a staff account" : ""
            members.append(("description", .string("Needs the permission `\(permission)`\(staff).")))
            members.append(("security", [["bearer": []]]))
        case .signedIn: members.append(("security", [["bearer": []]]))
        case .public, nil: members.append(("security", []))
        }
        let parameters = route.input.parameters.map { parameter in
            let schema = JSONSchema.of(parameter.schema, rule: parameter.rule, isInput: true, &components)
            return [
                "name": .string(parameter.name), "in": .string(parameter.place),
                "required": .bool(parameter.isRequired),
                "description": .string(parameter.documentation), "schema": schema,
            ] as JSONValue
        }
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        if let body = route.input.body, !body.fields.isEmpty {
            let schema = JSONSchema.of(body, isInput: true, isPartial: route.input.isPartial, &components)
            members.append(("requestBody", ["content": ["application/json": ["schema": schema]]]))
        }
        members.append(("responses", responses(route, &components)))
        return .object(members)
    }

    private static func operationID(_ route: Route) -> String {
        let parts = route.path.split { !$0.isLetter && !$0.isNumber }
        return ([route.method.rawValue.lowercased()[...]] + parts).joined(separator: "_")
    }

    private static func responses(_ route: Route, _ components: inout Components) -> JSONValue {
        var success: [(String, JSONValue)] = [("description", .string(reason(route.output.status)))]
        if let schema = route.output.schema {
            let json = JSONSchema.of(schema, rule: nil, isInput: false, &components)
            success.append(("content", ["application/json": ["schema": json]]))
        }
        var members: [(String, JSONValue)] = [(String(route.output.status), .object(success))]
        let problem: JSONValue = [
            "description": "What went wrong (RFC 9457).",
            "content": ["application/problem+json": ["schema": components.problem()]],
        ]
        if !route.input.parameters.isEmpty || route.input.body != nil { members.append(("422", problem)) }
        members.append(("default", problem))
        return .object(members)
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 201: "Created"
        case 204: "No content"
        default: "OK"
        }
    }
}

/// The schemas that a document names.
struct Components {
    private(set) var schemas: [(String, JSONValue)] = []

    /// A reference to the schema of that name, which is made at first use.
    mutating func reference(_ name: String, _ make: (inout Components) -> JSONValue) -> JSONValue {
        if !schemas.contains(where: { $0.0 == name }) {
            schemas.append((name, [:]))
            let schema = make(&self)
            if let index = schemas.firstIndex(where: { $0.0 == name }) { schemas[index].1 = schema }
        }
        return ["$ref": .string("#/components/schemas/\(name)")]
    }

    mutating func problem() -> JSONValue {
        reference("Problem") { _ in
            let text: JSONValue = ["type": "string"]
            return [
                "type": "object",
                "required": ["type", "title", "status"],
                "properties": [
                    "type": text, "title": text, "status": ["type": "integer"], "detail": text, "code": text,
                    "instance": text, "request_id": text,
                    "errors": [
                        "type": "array",
                        "items": [
                            "type": "object", "required": ["loc", "message", "code"],
                            "properties": [
                                "loc": ["type": "array", "items": text], "message": text, "code": text,
                                "params": ["type": "object", "additionalProperties": text],
                            ],
                        ],
                    ],
                ],
            ]
        }
    }
}

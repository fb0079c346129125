import MartletCore

/// The parts of the merged OpenAPI document that the tests use.
struct APIDocument: Sendable {
    struct Parameter: Sendable {
        let name: String
        let place: String
        let schema: JSONValue
    }

    struct Operation: Sendable {
        /// The method in upper case.
        let method: String
        let template: String
        let parameters: [Parameter]
        /// The members of the JSON body; empty without one.
        let fields: [(name: String, schema: JSONValue)]
        let required: [String]
        let isPublic: Bool

        var takesBody: Bool { ["POST", "PUT", "PATCH"].contains(method) }
        var queryParameters: [Parameter] { parameters.filter { $0.place == "query" } }
        var hasID: Bool { template.contains("{") }

        /// The template with every parameter replaced.
        func path(_ value: String = "999999999") -> String { template.replacing(/\{[^}]*\}/, with: value) }
    }

    let json: JSONValue
    let operations: [Operation]

    static func read(_ api: API) async throws -> APIDocument {
        let answer = try await api.get("/openapi.json")
        guard answer.status == 200 else { throw Unexpected(answer) }
        return APIDocument(try answer.json())
    }

    init(_ json: JSONValue) {
        self.json = json
        var operations: [Operation] = []
        for (template, methods) in json["paths"]?.objectValue ?? [] {
            for (method, operation) in methods.objectValue ?? [] {
                let body = operation["requestBody"]?["content"]?["application/json"]?["schema"]
                    .map { Self.resolved($0, in: json) }
                operations.append(
                    Operation(
                        method: method.uppercased(), template: template,
                        parameters: (operation["parameters"]?.arrayValue ?? []).map { parameter in
                            Parameter(
                                name: parameter["name"]?.stringValue ?? "", place: parameter["in"]?.stringValue ?? "",
                                schema: parameter["schema"] ?? [:])
                        },
                        fields: (body?["properties"]?.objectValue ?? []).map { ($0.0, Self.resolved($0.1, in: json)) },
                        required: body?["required"]?.arrayValue?.compactMap(\.stringValue) ?? [],
                        isPublic: operation["security"] == []))
            }
        }
        self.operations = operations
    }

    /// The paths with their methods.
    var methodsByTemplate: [(template: String, methods: Set<String>)] {
        Dictionary(grouping: operations, by: \.template)
            .map { ($0.key, Set($0.value.map(\.method))) }.sorted { $0.0 < $1.0 }
    }

    /// Resolves a reference.
    private static func resolved(_ schema: JSONValue, in document: JSONValue) -> JSONValue {
        guard let reference = schema["$ref"]?.stringValue else { return schema }
        return reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] ?? [:] }
    }

    /// The JSON types that a schema accepts; empty for all.
    static func types(of schema: JSONValue) -> Set<String> {
        if let alternatives = schema["anyOf"]?.arrayValue { return Set(alternatives.flatMap { types(of: $0) }) }
        if schema["$ref"] != nil { return ["object"] }
        if let type = schema["type"]?.stringValue { return [type] }
        return Set(schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }
}

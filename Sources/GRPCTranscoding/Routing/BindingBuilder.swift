import SwiftProtobuf

/// Creates bindings from the `google.api.http` options of services.
struct BindingBuilder {
    let schema: MessageSchema
    private(set) var bindings: [Binding] = []
    private(set) var table = TemplateTable()

    init(schema: MessageSchema) { self.schema = schema }

    mutating func add(_ service: Google_Protobuf_ServiceDescriptorProto, name: String) throws(DescriptorError) {
        for method in service.method {
            // A single HTTP request cannot be a stream of messages.
            guard !method.clientStreaming else { continue }
            for rule in try HTTPRule.rules(of: method.options) {
                do throws(DescriptorError) { try add(rule, method, path: "/\(name)/\(method.name)") } catch {
                    throw DescriptorError("\(name).\(method.name): \(error)")
                }
            }
        }
    }

    private mutating func add(
        _ rule: HTTPRule, _ method: Google_Protobuf_MethodDescriptorProto, path: String
    ) throws(DescriptorError) {
        let input = try message(method.inputType)
        let output = try message(method.outputType)
        let template = try PathTemplate(rule.path)
        var variables: [Binding.Variable] = []
        for variable in template.variables {
            guard let fields = schema.path(variable.path[...], input), fields.last?.shape == .single else {
                throw DescriptorError("'\(variable.path.joined(separator: "."))' is not a singular request field")
            }
            let segments = template.segments[variable.segments]
            variables.append(
                Binding.Variable(
                    path: fields, segments: variable.segments, isLong: segments.count > 1 || segments.contains(.rest),
                    isOpen: segments.contains(.rest)))
        }
        var body = Binding.Body.none
        if rule.body == "*" {
            body = .message
        } else if !rule.body.isEmpty {
            guard let field = schema.field(rule.body, of: input) else {
                throw DescriptorError("the request has no field '\(rule.body)'")
            }
            body = .field(field)
        }
        if !rule.responseBody.isEmpty, schema.field(rule.responseBody, of: output) == nil {
            throw DescriptorError("the response has no field '\(rule.responseBody)'")
        }
        guard table.insert(template, method: rule.method, binding: bindings.count) else {
            throw DescriptorError("\(rule.method) \(rule.path) is already bound to another method")
        }
        bindings.append(
            Binding(
                methodPath: path, isStreaming: method.serverStreaming, input: input, output: output,
                variables: variables, body: body, responseBody: rule.responseBody.isEmpty ? nil : rule.responseBody))
    }

    private func message(_ name: String) throws(DescriptorError) -> Int {
        guard let index = schema.messagesByName[String(name.drop { $0 == "." })] else {
            throw DescriptorError("no file in the set declares \(name)")
        }
        return index
    }
}

extension MessageSchema {
    /// The deepest field that a path or a query can name.
    private static let maximumPath = 32

    /// The fields along a path such as `filter.pages.from`. All but the last must be singular messages.
    func path(_ names: some Collection<some StringProtocol>, _ message: Int) -> [Field]? {
        guard names.count <= Self.maximumPath else { return nil }
        var fields: [Field] = []
        var message: Int? = message
        for name in names {
            guard let owner = message, let field = field(String(name), of: owner) else { return nil }
            fields.append(field)
            message = if case .message(let index) = field.kind, field.shape == .single { index } else { nil }
        }
        return fields.isEmpty ? nil : fields
    }
}

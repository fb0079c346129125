import MartletCore

/// ``Schema`` as JSON Schema 2020-12, the dialect of OpenAPI 3.1.
enum JSONSchema {
    static func of(_ schema: Schema, rule: Rule?, isInput: Bool, _ components: inout Components) -> JSONValue {
        var members: [(String, JSONValue)]
        switch schema {
        case .scalar(let type): members = scalar(type.scalarSchema, rule)
        case .array(let element):
            members = [("type", "array"), ("items", of(element, rule: nil, isInput: isInput, &components))]
            if let length = rule?.length { members += bounds(length, "minItems", "maxItems") }
        case .map(let element):
            members = [
                ("type", "object"), ("additionalProperties", of(element, rule: nil, isInput: isInput, &components)),
            ]
        case .object(let object):
            let reference = components.reference(object.name) { components in
                of(object, isInput: isInput, isPartial: false, &components)
            }
            members = reference.objectValue ?? []
        case .any: members = []
        }
        if let rule {
            if !rule.documentation.isEmpty { members.append(("description", .string(rule.documentation))) }
            if let value = rule.defaultValue, isInput { members.append(("default", value)) }
        }
        return .object(members)
    }

    static func of(_ object: ObjectSchema, isInput: Bool, isPartial: Bool, _ components: inout Components)
        -> JSONValue
    {
        var properties: [(String, JSONValue)] = []
        var required: [JSONValue] = []
        for field in object.fields {
            var schema = of(field.schema, rule: field.rule, isInput: isInput, &components)
            if field.isOptional { schema = nullable(schema) }
            properties.append((field.name, schema))
            let mayBeAbsent = isInput && (isPartial || field.isOptional || field.rule?.defaultValue != nil)
            if !mayBeAbsent { required.append(.string(field.name)) }
        }
        var members: [(String, JSONValue)] = [("type", "object"), ("properties", .object(properties))]
        if !required.isEmpty { members.append(("required", .array(required))) }
        return .object(members)
    }

    private static func nullable(_ schema: JSONValue) -> JSONValue {
        guard case .object(var members) = schema else { return schema }
        if let index = members.firstIndex(where: { $0.0 == "type" }) {
            members[index].1 = [members[index].1, "null"]
            return .object(members)
        }
        return ["anyOf": [schema, ["type": "null"]]]
    }

    private static func scalar(_ schema: ScalarSchema, _ rule: Rule?) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [("type", .string(schema.kind.rawValue))]
        if let format = schema.format { members.append(("format", .string(format))) }
        if let format = rule?.format {
            members.append((format.name.hasPrefix("^") ? "pattern" : "format", .string(format.name)))
        }
        if !schema.choices.isEmpty { members.append(("enum", .array(schema.choices.map { .string($0) }))) }
        if let minimum = rule?.minimum.map(String.init) ?? schema.minimum {
            members.append(("minimum", .number(minimum)))
        }
        if let maximum = rule?.maximum.map(String.init) ?? schema.maximum {
            members.append(("maximum", .number(maximum)))
        }
        if let length = rule?.length { members += bounds(length, "minLength", "maxLength") }
        return members
    }

    private static func bounds(_ length: ClosedRange<Int>, _ minimum: String, _ maximum: String)
        -> [(String, JSONValue)]
    {
        [(minimum, .number("\(length.lowerBound)")), (maximum, .number("\(length.upperBound)"))]
    }
}

import MartletCore

/// Writes a ``Schema`` as JSON Schema 2020-12, the dialect of OpenAPI 3.1.
struct JSONSchema {
    /// What a schema is used for. A type has up to three schemas: for reading, for writing and for patching.
    enum Use {
        case output
        /// Unknown members are rejected, and members with a default may be absent.
        case input
        /// A merge patch (RFC 7396): absent members are left unchanged, so nothing is required and nothing has a
        /// default, at any depth.
        case patch
        /// The payload of an event. It may come from an earlier or a later version, so optional members may be absent, and
        /// unknown ones may be there.
        case event
    }

    let use: Use
    var components: Components

    /// Whether values come from clients and are checked.
    private var isChecked: Bool { use == .input || use == .patch }

    init(_ use: Use, _ components: Components) {
        self.use = use
        self.components = components
    }

    mutating func of(_ schema: Schema, rule: Rule?) -> JSONValue {
        var members: [(String, JSONValue)]
        switch schema {
        case .scalar(let type): members = scalar(type.scalarSchema, rule)
        case .array(let element):
            // A patch replaces a list as a whole.
            var whole = JSONSchema(use == .patch ? .input : use, components)
            members = [("type", "array"), ("items", whole.of(element, rule: nil))]
            components = whole.components
            if let length = countBounds(rule) { members += bounds(length, "minItems", "maxItems") }
        case .map(let element):
            let value = of(element, rule: nil)
            // In a patch null removes an entry.
            members = [
                ("type", "object"), ("additionalProperties", use == .patch ? Self.nullable(value) : value),
            ]
            if let length = countBounds(rule) { members += bounds(length, "minProperties", "maxProperties") }
        case .object(let object): members = reference(object, isBody: false).objectValue ?? []
        case .any: members = []
        }
        if let rule {
            if !rule.documentation.isEmpty { members.append(("description", .string(rule.documentation))) }
            if let value = rule.defaultValue, use == .input { members.append(("default", value)) }
            if rule.isWriteOnly { members.append(("writeOnly", true)) }
        }
        return .object(members)
    }

    /// Adds the object's schema under a name for its use and returns a reference to it.
    /// - Parameter isBody: whether the type serves only as a request body, so that its name needs no suffix.
    mutating func reference(_ object: ObjectSchema, isBody: Bool) -> JSONValue {
        let schema = properties(object)
        let name =
            switch use {
            case .output, .event: object.name
            case .input: isBody || object.name.hasSuffix("Input") ? object.name : object.name + "Input"
            case .patch: object.name + "Patch"
            }
        return components.reference(name, schema)
    }

    private mutating func properties(_ object: ObjectSchema) -> JSONValue {
        var properties: [(String, JSONValue)] = []
        var required: [JSONValue] = []
        for field in object.fields {
            var schema = of(field.schema, rule: field.rule)
            if field.isOptional { schema = Self.nullable(schema) }
            properties.append((field.name, schema))
            let mayBeAbsent =
                switch use {
                case .output: false
                case .event: field.isOptional
                case .input: !field.isRequired
                case .patch: true
                }
            if !mayBeAbsent { required.append(.string(field.name)) }
        }
        var members: [(String, JSONValue)] = [("type", "object"), ("properties", .object(properties))]
        if !required.isEmpty { members.append(("required", .array(required))) }
        if isChecked { members.append(("additionalProperties", false)) }
        return .object(members)
    }

    private static func nullable(_ schema: JSONValue) -> JSONValue {
        guard case .object(var members) = schema else { return schema }
        guard let index = members.firstIndex(where: { $0.0 == "type" }) else {
            // Annotations stay beside the alternatives, where tools look for them.
            let beside: Set = ["description", "default", "writeOnly"]
            let value = members.filter { !beside.contains($0.0) }
            let alternatives: JSONValue = ["anyOf": [.object(value), ["type": "null"]]]
            return .object((alternatives.objectValue ?? []) + members.filter { beside.contains($0.0) })
        }
        members[index].1 = [members[index].1, "null"]
        if let index = members.firstIndex(where: { $0.0 == "enum" }), case .array(let choices) = members[index].1 {
            members[index].1 = .array(choices + [.null])
        }
        return .object(members)
    }

    private func scalar(_ schema: ScalarSchema, _ rule: Rule?) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [("type", .string(schema.kind.rawValue))]
        var hasPattern = false
        if let format = schema.format { members.append(("format", .string(format))) }
        if let format = rule?.format {
            hasPattern = format.name.hasPrefix("^")
            members.append((hasPattern ? "pattern" : "format", .string(format.name)))
        }
        if !schema.choices.isEmpty { members.append(("enum", .array(schema.choices.map { .string($0) }))) }
        let isInteger = schema.kind == .integer
        if let minimum = rule?.minimum.map(String.init) ?? schema.minimum ?? (isInteger ? "\(Int64.min)" : nil) {
            members.append(("minimum", .number(minimum)))
        }
        if let maximum = rule?.maximum.map(String.init) ?? schema.maximum ?? (isInteger ? "\(Int64.max)" : nil) {
            members.append(("maximum", .number(maximum)))
        }
        guard schema.kind == .string, schema.choices.isEmpty else { return members }
        if let length = rule?.length ?? schema.length {
            if length.lowerBound > 0 { members.append(("minLength", .number("\(length.lowerBound)"))) }
            members.append(("maxLength", .number("\(length.upperBound)")))
            // A text that must not be empty must not be blank either.
            if length.lowerBound > 0, isChecked, !hasPattern { members.append(("pattern", "\\S")) }
        } else if isChecked, schema.format == nil {
            members.append(("maxLength", .number("\(Rule.defaultMaximumLength)")))
        }
        return members
    }

    private func countBounds(_ rule: Rule?) -> ClosedRange<Int>? {
        rule?.length ?? (isChecked ? 0...Rule.defaultMaximumCount : nil)
    }

    private func bounds(_ length: ClosedRange<Int>, _ minimum: String, _ maximum: String) -> [(String, JSONValue)] {
        (length.lowerBound > 0 ? [(minimum, .number("\(length.lowerBound)"))] : [])
            + [(maximum, .number("\(length.upperBound)"))]
    }
}

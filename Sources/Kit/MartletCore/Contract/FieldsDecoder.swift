/// Reads the fields of one object and records which were requested, so that unknown members can be reported.
final class FieldsDecoder: Decoder {
    let fields: Fields
    let rules: Rules
    let isPartial: Bool
    let issues: Issues
    /// The names of the fields requested so far.
    private var asked: Set<MemberName> = []
    private var isOpen = false

    init(fields: Fields, rules: Rules, isPartial: Bool, issues: Issues) {
        self.fields = fields
        self.rules = rules
        self.isPartial = isPartial
        self.issues = issues
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        isOpen = isOpen || Key.isOpen
        return KeyedDecodingContainer(InputFields<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw shapeMismatch }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw shapeMismatch }

    private var shapeMismatch: DecodingError {
        .dataCorrupted(.init(codingPath: [], debugDescription: "an input is a struct of named fields"))
    }

    fileprivate func find(_ name: String) -> (source: ScalarSource, loc: [String])? {
        // Not recorded as requested: a member of the body with the name of such a field is unknown.
        if let header = fields.header, let field = rules[name]?.header { return header(field) }
        if !isOpen { asked.insert(MemberName(name)) }
        return fields.find(name)
    }

    /// Reports every member that no field has read, by name.
    ///
    /// Read-only members are ignored, so that a client may send back a resource as it was read: readable fields with a
    /// rule, `id` and `updated_at`.
    func reportUnknownMembers() {
        guard !isOpen else { return }
        let shown: Set = [MemberName("id"), MemberName("updated_at")]
        for name in fields.names where !asked.contains(MemberName(name)) {
            if let rule = rules[name] {
                if !rule.isWriteOnly && rule.header == nil { continue }
            } else if shown.contains(MemberName(name)) {
                continue
            }
            issues.add(
                fields.home + [name],
                ScalarIssue(
                    Suggestion.unknown("field", name, among: asked.map(\.text)), code: "unknown_member"))
        }
    }
}

private struct InputFields<Key: CodingKey>: FieldContainer {
    let decoder: FieldsDecoder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { decoder.fields.names.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { decoder.find(name(key)) != nil }
    func superDecoder() -> any Decoder { decoder }

    private func name(_ key: Key) -> String { Key.isOpen ? key.stringValue : key.stringValue.snakeCased }

    /// The location of an absent field.
    private func place(of name: String, _ rule: Rule?) -> [String] {
        if decoder.fields.header != nil, let field = rule?.header { return [InputDecoder.Source.headerPlace, field] }
        return decoder.fields.home + [name]
    }

    /// `decodeIfPresent` calls this first. An absent field with a default is not nil, so the default is used.
    func decodeNil(forKey key: Key) -> Bool {
        if case .json(.null)? = decoder.find(name(key))?.source { true } else { false }
    }

    func field<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let name = name(key)
        let rule = decoder.rules[name]
        guard let (source, loc) = decoder.find(name) ?? defaultValue(rule) else {
            if !decoder.isPartial {
                decoder.issues.add(
                    place(of: name, rule), ScalarIssue("This field is required.", code: "required"))
            }
            return try placeholder(type)
        }
        return try read(
            type, from: source,
            at: Place(rule: rule, loc: loc, isPartial: decoder.isPartial, issues: decoder.issues))
    }

    private func defaultValue(_ rule: Rule?) -> (ScalarSource, [String])? {
        rule.flatMap { rule in rule.defaultValue.map { (.json($0), [rule.name]) } }
    }
}

/// Reads one value: a scalar by its syntax and rule, anything else by its own `Decodable`.
func read<Value: Decodable>(_ type: Value.Type, from source: ScalarSource, at place: Place) throws -> Value {
    if type == JSONValue.self {
        if case .json(let value) = source, let value = value as? Value { return value }
        place.issues.add(place.loc, ScalarIssue("Must be JSON.", code: "wrong_type"))
        return try placeholder(type)
    }
    guard let scalar = type as? any Scalar.Type else {
        let decoder = ValueDecoder(source: source, type: type, place: place)
        let value = try Value(from: decoder)
        decoder.reportUnknownMembers()
        return value
    }
    do {
        if case .json(.null) = source {
            throw ScalarIssue("Must not be null.", code: "null_not_allowed")
        }
        if type == String.self {
            let text = try String(reading: source, rule: place.rule)
            if let value = text as? Value { return value }
        } else {
            let value = try scalar.init(reading: source)
            try place.rule?.check(value)
            if let value = value as? Value { return value }
        }
    } catch let issue as ScalarIssue {
        place.issues.add(place.loc, issue)
    }
    return try placeholder(type)
}

/// Decodes contract types and reports every invalid field at once.
///
/// A field that breaks a rule is written down and answered with a placeholder, so that the synthesized
/// `init(from:)` goes on to the next field; only when all have been seen does decoding fail.
public enum InputDecoder {
    /// Where a field comes from, by name: the texts of a path, query or CSV line, or a JSON body.
    public struct Source: Sendable {
        /// The first part of ``FieldError/loc``: `body`, `query`, `path`.
        public let place: String
        public let values: [String: ScalarSource]

        public init(place: String, texts: [String: String]) {
            self.place = place
            values = texts.mapValues(ScalarSource.text)
        }

        /// - Throws: ``Problem`` 422 when the JSON is not an object.
        public init(body: JSONValue) throws(Problem) {
            guard case .object(let members) = body else {
                throw .invalid([FieldError(loc: ["body"], message: "Must be an object.", code: "not_an_object")])
            }
            place = "body"
            // The parser has refused duplicate names already.
            values = Dictionary(members.map { ($0.0, ScalarSource.json($0.1)) }) { _, last in last }
        }
    }

    /// - Parameters:
    ///   - sources: asked in their order for each field.
    ///   - isPartial: whether absent fields are no error (a merge patch).
    /// - Throws: ``Problem`` 422 with every invalid field.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from sources: [Source], isPartial: Bool = false
    ) throws -> Value {
        let issues = Issues()
        let decoder = FieldsDecoder(
            fields: Fields(sources: sources), rules: (type as? any Described.Type)?.rules ?? .none,
            isPartial: isPartial, issues: issues)
        do {
            let value = try Value(from: decoder)
            guard issues.errors.isEmpty else { throw Problem.invalid(issues.errors) }
            return value
        } catch let error as DecodingError {
            // A hand-written `init(from:)` threw; what was found before it counts all the same.
            guard issues.errors.isEmpty else { throw Problem.invalid(issues.errors) }
            throw error
        }
    }
}

private final class Issues {
    var errors: [FieldError] = []

    func add(_ loc: [String], _ issue: ScalarIssue) {
        errors.append(FieldError(loc: loc, message: issue.message, code: issue.code, params: issue.params))
    }
}

/// The fields of one object, wherever they come from.
private struct Fields {
    let find: (String) -> (source: ScalarSource, loc: [String])?
    let names: [String]
    /// Where a field that is absent should have been.
    let home: [String]

    init(sources: [InputDecoder.Source]) {
        find = { name in
            for source in sources {
                if let value = source.values[name] { return (value, [source.place, name]) }
            }
            return nil
        }
        names = []
        home = [sources.last?.place ?? "body"]
    }

    init(members: [(String, JSONValue)], loc: [String]) {
        let byName = Dictionary(members) { _, last in last }
        find = { name in byName[name].map { (.json($0), loc + [name]) } }
        names = members.map(\.0)
        home = loc
    }
}

private final class FieldsDecoder: Decoder {
    let fields: Fields
    let rules: Rules
    let isPartial: Bool
    let issues: Issues

    init(fields: Fields, rules: Rules, isPartial: Bool, issues: Issues) {
        self.fields = fields
        self.rules = rules
        self.isPartial = isPartial
        self.issues = issues
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(InputFields<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw shapeMismatch }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw shapeMismatch }

    private var shapeMismatch: DecodingError {
        .dataCorrupted(.init(codingPath: [], debugDescription: "an input is a struct of named fields"))
    }
}

private struct InputFields<Key: CodingKey>: FieldContainer {
    let decoder: FieldsDecoder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { decoder.fields.names.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { decoder.fields.find(name(key)) != nil }
    func superDecoder() -> any Decoder { decoder }

    private func name(_ key: Key) -> String { Key.isOpen ? key.stringValue : key.stringValue.snakeCased }

    /// `decodeIfPresent` asks this: an absent field with a default is not nil, so the default wins.
    func decodeNil(forKey key: Key) -> Bool {
        if case .json(.null)? = decoder.fields.find(name(key))?.source { true } else { false }
    }

    func field<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let name = name(key)
        let rule = decoder.rules[name]
        guard let (source, loc) = decoder.fields.find(name) ?? defaultValue(rule) else {
            if !decoder.isPartial {
                decoder.issues.add(
                    decoder.fields.home + [name], ScalarIssue("This field is required.", code: "required"))
            }
            return try placeholder(type)
        }
        return try read(type, from: source, rule: rule, loc: loc, issues: decoder.issues)
    }

    private func defaultValue(_ rule: Rule?) -> (ScalarSource, [String])? {
        rule.flatMap { rule in rule.defaultValue.map { (.json($0), [rule.name]) } }
    }
}

/// Reads one value: a scalar by its syntax and rule, anything else by its own `Decodable`.
private func read<Value: Decodable>(
    _ type: Value.Type, from source: ScalarSource, rule: Rule?, loc: [String], issues: Issues
) throws -> Value {
    if type == JSONValue.self {
        if case .json(let value) = source, let value = value as? Value { return value }
        issues.add(loc, ScalarIssue("Must be JSON.", code: "wrong_type"))
        return try placeholder(type)
    }
    guard let scalar = type as? any Scalar.Type else {
        return try Value(from: ValueDecoder(source: source, type: type, rule: rule, loc: loc, issues: issues))
    }
    do {
        if case .json(.null) = source {
            throw ScalarIssue("Must not be null.", code: "null_not_allowed")
        }
        let value = try scalar.init(reading: source)
        try rule?.check(value)
        if let value = value as? Value { return value }
    } catch let issue as ScalarIssue {
        issues.add(loc, issue)
    }
    return try placeholder(type)
}

extension Rule {
    func check(_ value: any Scalar) throws(ScalarIssue) {
        switch value {
        case let text as String:
            if let length { try check(count: text.unicodeScalars.count, in: length, unit: "characters") }
            if let format, !format.accepts(text) { throw ScalarIssue(format.message, code: format.code) }
        case let number as Int: try checkBounds(Int64(number))
        case let number as Int64: try checkBounds(number)
        default: break
        }
    }

    func check(count: Int, in length: ClosedRange<Int>, unit: String) throws(ScalarIssue) {
        if count < length.lowerBound {
            throw ScalarIssue(
                length.lowerBound == 1 ? "Must not be empty." : "Must have at least \(length.lowerBound) \(unit).",
                code: "too_short", params: ["min": "\(length.lowerBound)"])
        }
        if count > length.upperBound {
            throw ScalarIssue(
                "Must have at most \(length.upperBound) \(unit).", code: "too_long",
                params: ["max": "\(length.upperBound)"])
        }
    }

    private func checkBounds(_ number: Int64) throws(ScalarIssue) {
        if let minimum, number < minimum {
            throw ScalarIssue("Must be at least \(minimum).", code: "too_small", params: ["min": "\(minimum)"])
        }
        if let maximum, number > maximum {
            throw ScalarIssue("Must be at most \(maximum).", code: "too_large", params: ["max": "\(maximum)"])
        }
    }
}

/// Stands on one value that is not a scalar: an object, a list, a map.
private final class ValueDecoder: Decoder, ValueContainer {
    let source: ScalarSource
    let rules: Rules
    let rule: Rule?
    let loc: [String]
    let issues: Issues

    init(source: ScalarSource, type: Any.Type, rule: Rule?, loc: [String], issues: Issues) {
        self.source = source
        rules = (type as? any Described.Type)?.rules ?? .none
        self.rule = rule
        self.loc = loc
        self.issues = issues
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        var members: [(String, JSONValue)] = []
        var isObject = false
        if case .json(.object(let found)) = source {
            members = found
            isObject = true
            check(count: found.count, unit: "entries")
        } else {
            issues.add(loc, ScalarIssue("Must be an object.", code: "not_an_object"))
        }
        let fields = Fields(members: members, loc: loc)
        // One error for what is not an object at all; its missing fields are no news.
        let decoder = FieldsDecoder(fields: fields, rules: rules, isPartial: !isObject, issues: issues)
        return decoder.container(keyedBy: type)
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer {
        var elements: [JSONValue] = []
        if case .json(.array(let found)) = source {
            elements = found
            check(count: found.count, unit: "elements")
        } else {
            issues.add(loc, ScalarIssue("Must be a list.", code: "not_an_array"))
        }
        return InputElements(elements: elements, loc: loc, issues: issues)
    }

    private func check(count: Int, unit: String) {
        guard let rule, let length = rule.length else { return }
        do throws(ScalarIssue) {
            try rule.check(count: count, in: length, unit: unit)
        } catch {
            issues.add(loc, error)
        }
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool {
        if case .json(.null) = source { true } else { false }
    }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try read(type, from: source, rule: rule, loc: loc, issues: issues)
    }
}

private struct InputElements: UnkeyedDecodingContainer {
    let elements: [JSONValue]
    let loc: [String]
    let issues: Issues
    private(set) var currentIndex = 0

    init(elements: [JSONValue], loc: [String], issues: Issues) {
        self.elements = elements
        self.loc = loc
        self.issues = issues
    }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    mutating func decodeNil() -> Bool {
        guard !isAtEnd, case .null = elements[currentIndex] else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard !isAtEnd else { throw unsupported }
        defer { currentIndex += 1 }
        return try read(
            type, from: .json(elements[currentIndex]), rule: nil, loc: loc + ["\(currentIndex)"], issues: issues)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    {
        throw unsupported
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported }
    mutating func superDecoder() throws -> any Decoder { throw unsupported }

    private var unsupported: DecodingError {
        .dataCorruptedError(in: self, debugDescription: "contract types use synthesized Decodable")
    }
}

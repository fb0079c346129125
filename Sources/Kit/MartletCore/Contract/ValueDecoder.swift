/// Decodes one value that is not a scalar: an object, a list or a map.
final class ValueDecoder: Decoder, ValueContainer {
    private let source: ScalarSource
    private let rules: Rules
    private let place: Place
    /// Shared by all containers of the object, because several types may read its members.
    private var object: FieldsDecoder?

    init(source: ScalarSource, type: Any.Type, place: Place) {
        self.source = source
        rules = (type as? any Described.Type)?.rules ?? .none
        self.place = place
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        let object = object ?? fieldsDecoder(isMap: Key.isOpen)
        self.object = object
        return object.container(keyedBy: type)
    }

    private func fieldsDecoder(isMap: Bool) -> FieldsDecoder {
        var members: [(String, JSONValue)] = []
        var isWhole = false
        if case .json(.object(let found)) = source {
            // A struct needs no default limit on its members: unknown ones are reported by name.
            isWhole = !isMap && place.rule?.length == nil || check(count: found.count, unit: "entries")
            if isWhole { members = isMap ? named(found) : found }
        } else {
            place.issues.add(
                place.loc, ScalarIssue("Must be an object\(source.contrast).", code: "not_an_object"))
        }
        // A value that is not an object, or is too large, is one error. Do not report its fields as missing too.
        return FieldsDecoder(
            fields: Fields(members: members, loc: place.loc), rules: rules, isPartial: !isWhole || place.isPartial,
            issues: place.issues)
    }

    /// The entries of a map. Their names are data and checked like any text: no control characters, in NFC.
    private func named(_ members: [(String, JSONValue)]) -> [(String, JSONValue)] {
        var names: Set<MemberName> = []
        var entries: [(String, JSONValue)] = []
        for (name, value) in members {
            do throws(ScalarIssue) {
                let text = try NormalizedText.nfc(
                    String(reading: .text(name)), maximumUTF8: JSONLimits.requestBody.nameBytes)
                guard names.insert(MemberName(text)).inserted else {
                    throw ScalarIssue("Must be unique.", code: "duplicate_member")
                }
                entries.append((text, value))
            } catch {
                place.issues.add(
                    place.loc + [name],
                    ScalarIssue("Invalid name: \(error.message)", code: error.code, params: error.params))
            }
        }
        return entries
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer {
        var elements: [JSONValue] = []
        if case .json(.array(let found)) = source {
            if check(count: found.count, unit: "elements") { elements = found }
        } else {
            place.issues.add(place.loc, ScalarIssue("Must be a list\(source.contrast).", code: "not_an_array"))
        }
        return InputElements(elements: elements, loc: place.loc, issues: place.issues)
    }

    /// - Returns: false when there are too many elements to decode.
    private func check(count: Int, unit: String) -> Bool {
        let length = place.rule?.length ?? 0...Rule.defaultMaximumCount
        do throws(ScalarIssue) {
            try Rule.check(count: count, in: length, unit: unit)
            return true
        } catch {
            place.issues.add(place.loc, error)
            return count <= length.upperBound
        }
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool {
        if case .json(.null) = source { true } else { false }
    }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try read(type, from: source, at: place)
    }

    func reportUnknownMembers() { object?.reportUnknownMembers() }
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
        // A merge patch replaces a list as a whole, so its elements must be complete.
        return try read(
            type, from: .json(elements[currentIndex]),
            at: Place(loc: loc + ["\(currentIndex)"], isPartial: false, issues: issues))
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

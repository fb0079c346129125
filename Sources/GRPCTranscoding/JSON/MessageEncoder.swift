import MartletCore

/// Encodes JSON as protobuf messages, according to ProtoJSON.
struct MessageEncoder {
    /// The source of a value. Text from a path or a query is untyped and parsed accordingly.
    enum Source { case json, text }

    let schema: MessageSchema
    /// Ignores unknown members instead of rejecting them.
    var ignoresUnknownFields = true

    // MARK: messages

    /// Encodes the fields of a message.
    func message(_ json: JSONValue, _ index: Int, _ source: Source = .json) throws(TranscodingError) -> WireWriter {
        if let wellKnown = schema.messages[index].wellKnown {
            return try self.wellKnown(json, wellKnown, index, source)
        }
        guard case .object(let members) = json else { throw TranscodingError("must be an object") }
        return try fields(members, index)
    }

    func fields(_ members: [(String, JSONValue)], _ index: Int) throws(TranscodingError) -> WireWriter {
        let message = schema.messages[index]
        var out = WireWriter()
        var seen: Set<Int> = []
        var oneofs: Set<Int> = []
        for (name, value) in members {
            guard let position = message.fieldsByName[MemberName(name)] else {
                if ignoresUnknownFields { continue }
                throw TranscodingError("is not a known field", at: [name.clipped()])
            }
            let field = message.fields[position]
            guard seen.insert(position).inserted else {
                throw TranscodingError("is set under both of its names", at: [name.clipped()])
            }
            if case .null = value, field.shape != .single || !schema.acceptsNull(field) { continue }
            if let oneof = field.oneof, !oneofs.insert(oneof).inserted {
                throw TranscodingError("conflicts with another field of the same oneof", at: [name.clipped()])
            }
            do throws(TranscodingError) { try self.field(value, field, to: &out) } catch { throw error.within(name) }
        }
        return out
    }

    // MARK: fields

    /// Encodes a field with all its values.
    func field(_ json: JSONValue, _ field: MessageSchema.Field, to out: inout WireWriter) throws(TranscodingError) {
        switch field.shape {
        case .single:
            try single(json, field.kind, number: field.number, .json, to: &out)
        case .list:
            guard case .array(let elements) = json else { throw TranscodingError("must be a list") }
            try list(elements, field, to: &out)
        case .map(let entry):
            guard case .object(let members) = json else { throw TranscodingError("must be an object") }
            try map(members, entry, number: field.number, to: &out)
        }
    }

    /// Encodes one value, preceded by its key.
    func single(
        _ json: JSONValue, _ kind: FieldKind, number: Int, _ source: Source, to out: inout WireWriter
    ) throws(TranscodingError) {
        switch kind {
        case .message(let index):
            out.field(number, try message(json, index, source).bytes)
        case .string:
            guard case .string(let text) = json else { throw TranscodingError("must be a string") }
            out.field(number, text.utf8)
        case .bytes:
            guard case .string(let text) = json, let bytes = Base64.decode(text) else {
                throw TranscodingError("must be a base64 string")
            }
            out.field(number, bytes)
        default:
            out.key(number, kind.wireType)
            try scalar(json, kind, source, to: &out)
        }
    }

    private func list(
        _ elements: [JSONValue], _ field: MessageSchema.Field, to out: inout WireWriter
    ) throws(TranscodingError) {
        var packed = WireWriter()
        for (index, element) in elements.enumerated() {
            do throws(TranscodingError) {
                if case .null = element, !schema.acceptsNull(field) {
                    throw TranscodingError("must not be null")
                }
                if field.kind.isPackable {
                    try scalar(element, field.kind, .json, to: &packed)
                } else {
                    try single(element, field.kind, number: field.number, .json, to: &out)
                }
            } catch {
                throw error.within(String(index))
            }
        }
        // Every decoder accepts packed values, whatever the field's declaration says.
        if !packed.isEmpty { out.field(field.number, packed.bytes) }
    }

    private func map(
        _ members: [(String, JSONValue)], _ entry: Int, number: Int, to out: inout WireWriter
    ) throws(TranscodingError) {
        let entry = schema.messages[entry]
        guard let key = entry.fieldsByNumber[1].map({ entry.fields[$0] }),
            let value = entry.fieldsByNumber[2].map({ entry.fields[$0] })
        else { throw TranscodingError("the map type has no key or value") }
        for (name, json) in members {
            do throws(TranscodingError) {
                if case .null = json, !schema.acceptsNull(value) { throw TranscodingError("must not be null") }
                var pair = WireWriter()
                try single(.string(name), key.kind, number: 1, .text, to: &pair)
                try single(json, value.kind, number: 2, .json, to: &pair)
                out.field(number, pair.bytes)
            } catch {
                throw error.within(name)
            }
        }
    }

    // MARK: scalars

    /// Encodes a value other than a string, bytes or a message, without a key.
    private func scalar(
        _ json: JSONValue, _ kind: FieldKind, _ source: Source, to out: inout WireWriter
    ) throws(TranscodingError) {
        switch kind {
        case .int32: out.varint(UInt64(bitPattern: Int64(try integer(json, Int32.self))))
        case .int64: out.varint(UInt64(bitPattern: try integer(json, Int64.self)))
        case .uint32: out.varint(UInt64(try integer(json, UInt32.self)))
        case .uint64: out.varint(try integer(json, UInt64.self))
        case .sint32:
            let value = try integer(json, Int32.self)
            out.varint(UInt64(UInt32(bitPattern: value << 1 ^ value >> 31)))
        case .sint64:
            let value = try integer(json, Int64.self)
            out.varint(UInt64(bitPattern: value << 1 ^ value >> 63))
        case .fixed32: out.fixed32(try integer(json, UInt32.self))
        case .fixed64: out.fixed64(try integer(json, UInt64.self))
        case .sfixed32: out.fixed32(UInt32(bitPattern: try integer(json, Int32.self)))
        case .sfixed64: out.fixed64(UInt64(bitPattern: try integer(json, Int64.self)))
        case .double: out.fixed64(try floating(json, Double.self).bitPattern)
        case .float: out.fixed32(try floating(json, Float.self).bitPattern)
        case .bool: out.varint(try bool(json, source) ? 1 : 0)
        case .enumeration(let index):
            out.varint(UInt64(bitPattern: Int64(try number(json, of: schema.enums[index], source))))
        case .string, .bytes, .message: throw TranscodingError("must be a number")
        }
    }

    private func integer<Value: FixedWidthInteger>(
        _ json: JSONValue, _: Value.Type
    ) throws(TranscodingError) -> Value {
        guard let text = numberText(json), let decimal = DecimalText(text) else {
            throw TranscodingError("must be an integer")
        }
        guard let value = decimal.integer(Value.self) else {
            throw TranscodingError("must be an integer from \(Value.min) to \(Value.max)")
        }
        return value
    }

    private func floating<Value: BinaryFloatingPoint & LosslessStringConvertible>(
        _ json: JSONValue, _: Value.Type
    ) throws(TranscodingError) -> Value {
        if case .string(let text) = json {
            if text.isExactly("NaN") { return .nan }
            if text.isExactly("Infinity") { return .infinity }
            if text.isExactly("-Infinity") { return -.infinity }
        }
        // Checks the grammar first: Swift also accepts hexadecimal digits and more.
        guard let text = numberText(json), DecimalText(text) != nil, let value = Value(text) else {
            throw TranscodingError("must be a number")
        }
        guard value.isFinite else { throw TranscodingError("is too large") }
        return value
    }

    private func numberText(_ json: JSONValue) -> String? {
        switch json {
        case .number(let text), .string(let text): text
        default: nil
        }
    }

    private func bool(_ json: JSONValue, _ source: Source) throws(TranscodingError) -> Bool {
        switch json {
        case .bool(let value): return value
        case .string(let text) where source == .text:
            if text.isExactly("true") || text.isExactly("1") { return true }
            if text.isExactly("false") || text.isExactly("0") { return false }
        default: break
        }
        throw TranscodingError("must be true or false")
    }

    private func number(
        _ json: JSONValue, of enumeration: MessageSchema.Enumeration, _ source: Source
    ) throws(TranscodingError) -> Int32 {
        switch json {
        case .null where enumeration.isNull: return 0
        case .string(let name):
            if let number = enumeration.numbers[MemberName(name)] { return number }
            if source == .text, let number = DecimalText(name)?.integer(Int32.self) { return number }
        case .number(let text):
            if let number = DecimalText(text)?.integer(Int32.self) { return number }
        default: break
        }
        throw TranscodingError("must be a value of \(enumeration.fullName)")
    }
}

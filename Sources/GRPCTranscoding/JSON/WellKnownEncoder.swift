import MartletCore

extension MessageEncoder {
    /// Encodes the fields of a message with a special JSON form.
    func wellKnown(
        _ json: JSONValue, _ type: WellKnownType, _ index: Int, _ source: Source
    ) throws(TranscodingError) -> WireWriter {
        var out = WireWriter()
        switch type {
        case .timestamp:
            guard case .string(let text) = json, let parts = TimestampText.parse(text) else {
                throw TranscodingError("must be a time such as 2026-11-21T08:30:00Z")
            }
            write(parts, to: &out)
        case .duration:
            guard case .string(let text) = json, let parts = DurationText.parse(text) else {
                throw TranscodingError("must be a duration such as 1.5s")
            }
            write(parts, to: &out)
        case .fieldMask:
            guard case .string(let text) = json else { throw TranscodingError("must be field names") }
            for path in text.utf8.split(separator: UInt8(ascii: ",")) {
                out.field(1, FieldNames.protobufSnakeCase(path))
            }
        case .wrapper:
            let message = schema.messages[index]
            guard let field = message.fieldsByNumber[1].map({ message.fields[$0] }) else { return out }
            try single(json, field.kind, number: 1, source, to: &out)
        case .object:
            guard case .object(let members) = json else { throw TranscodingError("must be an object") }
            out = try object(members)
        case .list:
            guard case .array(let elements) = json else { throw TranscodingError("must be a list") }
            out = try list(elements)
        case .value:
            out = try value(json)
        case .any:
            out = try any(json)
        }
        return out
    }

    private func write(_ parts: TimeParts, to out: inout WireWriter) {
        if parts.seconds != 0 {
            out.key(1, .varint)
            out.varint(UInt64(bitPattern: parts.seconds))
        }
        if parts.nanoseconds != 0 {
            out.key(2, .varint)
            out.varint(UInt64(bitPattern: Int64(parts.nanoseconds)))
        }
    }

    // MARK: struct.proto

    private func object(_ members: [(String, JSONValue)]) throws(TranscodingError) -> WireWriter {
        var out = WireWriter()
        for (name, json) in members {
            var entry = WireWriter()
            entry.field(1, name.utf8)
            do throws(TranscodingError) { entry.field(2, try value(json).bytes) } catch { throw error.within(name) }
            out.field(1, entry.bytes)
        }
        return out
    }

    private func list(_ elements: [JSONValue]) throws(TranscodingError) -> WireWriter {
        var out = WireWriter()
        for (index, element) in elements.enumerated() {
            do throws(TranscodingError) { out.field(1, try value(element).bytes) } catch {
                throw error.within(String(index))
            }
        }
        return out
    }

    private func value(_ json: JSONValue) throws(TranscodingError) -> WireWriter {
        var out = WireWriter()
        switch json {
        case .null:
            out.key(1, .varint)
            out.varint(0)
        case .number(let text):
            guard let number = Double(text), number.isFinite else { throw TranscodingError("is too large") }
            out.key(2, .fixed64)
            out.fixed64(number.bitPattern)
        case .string(let text): out.field(3, text.utf8)
        case .bool(let value):
            out.key(4, .varint)
            out.varint(value ? 1 : 0)
        case .object(let members): out.field(5, try object(members).bytes)
        case .array(let elements): out.field(6, try list(elements).bytes)
        }
        return out
    }

    // MARK: any.proto

    /// `{"@type": …}` with the message's members, or with `value` for a message with a special form.
    private func any(_ json: JSONValue) throws(TranscodingError) -> WireWriter {
        guard case .object(let members) = json else { throw TranscodingError("must be an object") }
        var out = WireWriter()
        guard !members.isEmpty else { return out }
        func member(_ name: String) -> JSONValue? { members.first { $0.0.isExactly(name) }?.1 }
        guard case .string(let url)? = member("@type") else {
            throw TranscodingError("must be the URL of a type", at: ["@type"])
        }
        guard ForeignName.isPlausible(url), url.contains("/"), let name = url.split(separator: "/").last,
            let index = schema.messagesByName[String(name)]
        else { throw TranscodingError("is not a known type", at: ["@type"]) }
        let content: WireWriter
        if schema.messages[index].wellKnown != nil {
            guard let value = member("value") else { throw TranscodingError("is required", at: ["value"]) }
            do throws(TranscodingError) { content = try message(value, index) } catch { throw error.within("value") }
        } else {
            content = try fields(members.filter { !$0.0.isExactly("@type") }, index)
        }
        out.field(1, url.utf8)
        if !content.isEmpty { out.field(2, content.bytes) }
        return out
    }
}

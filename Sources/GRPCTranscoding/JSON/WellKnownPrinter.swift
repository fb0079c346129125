import MartletCore

extension MessagePrinter {
    /// Prints a message with a special JSON form.
    func wellKnown(
        _ bytes: [UInt8], _ range: Range<Int>, _ type: WellKnownType, _ index: Int, depth: Int,
        to out: inout JSONWriter
    ) throws(TranscodingError) {
        let values: [(number: Int, value: WireReader.Value)]
        do throws(WireReader.Malformed) { values = try Self.all(bytes, range) } catch { throw .malformedMessage }
        switch type {
        case .timestamp:
            guard let text = TimestampText.text(Self.parts(values)) else {
                throw TranscodingError("the time is out of range")
            }
            out.write(text)
        case .duration:
            guard let text = DurationText.text(Self.parts(values)) else {
                throw TranscodingError("the duration is out of range")
            }
            out.write(text)
        case .fieldMask:
            out.write(try fieldMask(bytes, values))
        case .wrapper:
            try wrapper(bytes, values, index, depth: depth, to: &out)
        case .object:
            try object(bytes, values, depth: depth, to: &out)
        case .list:
            out.append(UInt8(ascii: "["))
            var isFirst = true
            for case (1, .bytes(let element)) in values {
                if !isFirst { out.append(UInt8(ascii: ",")) }
                isFirst = false
                try dynamicValue(bytes, element, depth: depth - 1, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .value:
            try dynamicValue(bytes, range, depth: depth, to: &out)
        case .any:
            try any(bytes, values, depth: depth, to: &out)
        }
    }

    private static func all(
        _ bytes: [UInt8], _ range: Range<Int>
    ) throws(WireReader.Malformed) -> [(number: Int, value: WireReader.Value)] {
        var reader = WireReader(bytes, range)
        var values: [(number: Int, value: WireReader.Value)] = []
        while let field = try reader.next() { values.append(field) }
        return values
    }

    private static func parts(_ values: [(number: Int, value: WireReader.Value)]) -> TimeParts {
        var parts = TimeParts(seconds: 0, nanoseconds: 0)
        for (number, value) in values {
            guard case .varint(let raw) = value else { continue }
            if number == 1 { parts.seconds = Int64(bitPattern: raw) }
            if number == 2 { parts.nanoseconds = Int32(truncatingIfNeeded: raw) }
        }
        return parts
    }

    private func text(_ bytes: [UInt8], _ range: Range<Int>) throws(TranscodingError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw TranscodingError("the string is not valid UTF-8")
        }
        return text
    }

    private func fieldMask(
        _ bytes: [UInt8], _ values: [(number: Int, value: WireReader.Value)]
    ) throws(TranscodingError) -> String {
        var paths: [String] = []
        for case (1, .bytes(let range)) in values { paths.append(FieldNames.camelCase(try text(bytes, range))) }
        return paths.joined(separator: ",")
    }

    private func wrapper(
        _ bytes: [UInt8], _ values: [(number: Int, value: WireReader.Value)], _ index: Int, depth: Int,
        to out: inout JSONWriter
    ) throws(TranscodingError) {
        let message = schema.messages[index]
        guard let field = message.fieldsByNumber[1].map({ message.fields[$0] }) else { throw .malformedMessage }
        let last = values.last { $0.number == 1 && $0.value.wireType == field.kind.wireType }?.value
        let value = last ?? (field.kind.wireType == .lengthDelimited ? .bytes(0..<0) : field.kind.zero)
        try self.value(bytes, value, field.kind, depth: depth, to: &out)
    }

    // MARK: struct.proto

    private func object(
        _ bytes: [UInt8], _ values: [(number: Int, value: WireReader.Value)], depth: Int, to out: inout JSONWriter
    ) throws(TranscodingError) {
        var order: [String] = []
        var members: [String: Range<Int>] = [:]
        for case (1, .bytes(let range)) in values {
            let entry: [(number: Int, value: WireReader.Value)]
            do throws(WireReader.Malformed) { entry = try Self.all(bytes, range) } catch { throw .malformedMessage }
            let (name, value) = try named(bytes, entry)
            if members.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        out.append(UInt8(ascii: "{"))
        for (position, name) in order.enumerated() {
            if position > 0 { out.append(UInt8(ascii: ",")) }
            out.write(name)
            out.append(UInt8(ascii: ":"))
            try dynamicValue(bytes, members[name] ?? 0..<0, depth: depth - 1, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    /// Prints a `google.protobuf.Value`; null when it is empty.
    private func dynamicValue(
        _ bytes: [UInt8], _ range: Range<Int>, depth: Int, to out: inout JSONWriter
    ) throws(TranscodingError) {
        guard depth > 0 else { throw TranscodingError("the message is nested too deeply") }
        let values: [(number: Int, value: WireReader.Value)]
        do throws(WireReader.Malformed) { values = try Self.all(bytes, range) } catch { throw .malformedMessage }
        guard let (number, value) = values.last(where: { (1...6).contains($0.number) }) else {
            return out.append("null")
        }
        switch (number, value) {
        case (1, .varint): out.append("null")
        case (2, .fixed64(let raw)):
            guard Double(bitPattern: raw).isFinite else { throw TranscodingError("the number is not finite") }
            try self.value(bytes, value, .double, depth: depth, to: &out)
        case (3, .bytes): try self.value(bytes, value, .string, depth: depth, to: &out)
        case (4, .varint): try self.value(bytes, value, .bool, depth: depth, to: &out)
        case (5, .bytes(let content)):
            try wellKnown(bytes, content, .object, 0, depth: depth - 1, to: &out)
        case (6, .bytes(let content)):
            try wellKnown(bytes, content, .list, 0, depth: depth - 1, to: &out)
        default: throw .malformedMessage
        }
    }

    /// Reads a string in field 1 and bytes in field 2: a map entry, or the content of `Any`.
    private func named(
        _ bytes: [UInt8], _ values: [(number: Int, value: WireReader.Value)]
    ) throws(TranscodingError) -> (name: String, content: Range<Int>) {
        var name = ""
        var content = 0..<0
        for (number, value) in values {
            guard case .bytes(let range) = value else { continue }
            if number == 1 { name = try text(bytes, range) }
            if number == 2 { content = range }
        }
        return (name, content)
    }

    // MARK: any.proto

    private func any(
        _ bytes: [UInt8], _ values: [(number: Int, value: WireReader.Value)], depth: Int, to out: inout JSONWriter
    ) throws(TranscodingError) {
        let (url, content) = try named(bytes, values)
        guard !url.isEmpty || !content.isEmpty else { return out.append("{}") }
        guard let name = url.split(separator: "/").last, let index = schema.messagesByName[String(name)] else {
            throw TranscodingError("is not a known type", at: ["@type"])
        }
        out.append("{\"@type\":")
        out.write(url)
        var isFirst = false
        if schema.messages[index].wellKnown != nil {
            out.append(",\"value\":")
            try message(bytes, content, index, depth: depth - 1, to: &out)
        } else {
            guard depth > 1 else { throw TranscodingError("the message is nested too deeply") }
            try members(bytes, content, index, depth: depth - 1, isFirst: &isFirst, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }
}

extension FieldKind {
    /// The default value of a number.
    fileprivate var zero: WireReader.Value {
        switch wireType {
        case .fixed64: .fixed64(0)
        case .fixed32: .fixed32(0)
        default: .varint(0)
        }
    }
}

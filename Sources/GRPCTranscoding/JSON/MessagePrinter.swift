import MartletCore

/// Prints protobuf messages as JSON, according to ProtoJSON.
struct MessagePrinter {
    /// The deepest nesting of messages.
    static let maximumDepth = 64

    let schema: MessageSchema
    /// Includes fields with their default value, except messages and fields with presence.
    var writesDefaults = false
    /// Uses the field names of the `.proto` file.
    var keepsNames = false

    // MARK: messages

    /// - Parameter range: the bytes of the message's fields.
    func message(
        _ bytes: [UInt8], _ range: Range<Int>, _ index: Int, depth: Int = maximumDepth, to out: inout JSONWriter
    ) throws(TranscodingError) {
        guard depth > 0 else { throw TranscodingError("the message is nested too deeply") }
        if let wellKnown = schema.messages[index].wellKnown {
            return try self.wellKnown(bytes, range, wellKnown, index, depth: depth, to: &out)
        }
        out.append(UInt8(ascii: "{"))
        var isFirst = true
        try members(bytes, range, index, depth: depth, isFirst: &isFirst, to: &out)
        out.append(UInt8(ascii: "}"))
    }

    /// Prints the members of a message's object.
    func members(
        _ bytes: [UInt8], _ range: Range<Int>, _ index: Int, depth: Int, isFirst: inout Bool, to out: inout JSONWriter
    ) throws(TranscodingError) {
        let message = schema.messages[index]
        let found = try collect(bytes, range, message)
        for (field, values) in zip(message.fields, found) {
            guard isWritten(field, values) else { continue }
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            out.write(keepsNames ? field.name : field.jsonName)
            out.append(UInt8(ascii: ":"))
            do throws(TranscodingError) { try self.field(bytes, values, field, depth: depth, to: &out) } catch {
                throw error.within(field.jsonName)
            }
        }
    }

    /// Prints a single field of a message.
    func field(
        _ name: String, of index: Int, in bytes: [UInt8], to out: inout JSONWriter
    ) throws(TranscodingError) {
        let message = schema.messages[index]
        guard let position = message.fieldsByName[MemberName(name)] else {
            throw TranscodingError("is not a known field")
        }
        let values = try collect(bytes, bytes.indices, message)[position]
        try field(bytes, values, message.fields[position], depth: Self.maximumDepth, to: &out)
    }

    /// The values of each field, in order. Skips unknown fields and values with the wrong wire type.
    private func collect(
        _ bytes: [UInt8], _ range: Range<Int>, _ message: MessageSchema.Message
    ) throws(TranscodingError) -> [[WireReader.Value]] {
        var found = [[WireReader.Value]](repeating: [], count: message.fields.count)
        // The last field of a oneof counts.
        var chosen: [Int: Int] = [:]
        var reader = WireReader(bytes, range)
        do throws(WireReader.Malformed) {
            while let (number, value) = try reader.next() {
                guard let position = message.fieldsByNumber[number] else { continue }
                let field = message.fields[position]
                let isPacked = if case .bytes = value { field.shape == .list && field.kind.isPackable } else { false }
                guard isPacked || field.kind.wireType == value.wireType else { continue }
                if let oneof = field.oneof, let other = chosen.updateValue(position, forKey: oneof), other != position {
                    found[other] = []
                }
                if field.keepsOnlyLast, !found[position].isEmpty {
                    found[position][0] = value
                } else {
                    found[position].append(value)
                }
            }
        } catch {
            throw .malformedMessage
        }
        return found
    }

    private func isWritten(_ field: MessageSchema.Field, _ values: [WireReader.Value]) -> Bool {
        guard let last = values.last else { return writesDefaults && !field.hasPresence }
        if field.shape != .single || field.hasPresence || writesDefaults { return true }
        return switch last {
        case .varint(let value): value != 0
        case .fixed64(let value): value != 0
        case .fixed32(let value): value != 0
        case .bytes(let range): !range.isEmpty
        }
    }

    // MARK: fields

    private func field(
        _ bytes: [UInt8], _ values: [WireReader.Value], _ field: MessageSchema.Field, depth: Int,
        to out: inout JSONWriter
    ) throws(TranscodingError) {
        switch field.shape {
        case .single:
            // A message in several parts is merged by concatenating them.
            if case .message = field.kind, values.count > 1 {
                var merged: [UInt8] = []
                for case .bytes(let range) in values { merged += bytes[range] }
                return try value(merged, .bytes(merged.indices), field.kind, depth: depth, to: &out)
            }
            guard let last = values.last else { return writeDefault(field, to: &out) }
            try value(bytes, last, field.kind, depth: depth, to: &out)
        case .list:
            out.append(UInt8(ascii: "["))
            var isFirst = true
            for part in values {
                for element in try unpack(bytes, part, field.kind) {
                    if !isFirst { out.append(UInt8(ascii: ",")) }
                    isFirst = false
                    try value(bytes, element, field.kind, depth: depth, to: &out)
                }
            }
            out.append(UInt8(ascii: "]"))
        case .map(let entry):
            try map(bytes, values, entry, depth: depth, to: &out)
        }
    }

    private func writeDefault(_ field: MessageSchema.Field, to out: inout JSONWriter) {
        switch field.kind {
        case .bool: out.append("false")
        case .string, .bytes: out.append("\"\"")
        case .int64, .uint64, .sint64, .fixed64, .sfixed64: out.append("\"0\"")
        case .enumeration(let index):
            let enumeration = schema.enums[index]
            if enumeration.isNull { out.append("null") } else { writeNumber(0, of: enumeration, to: &out) }
        case .message: out.append("null")
        default: out.append("0")
        }
    }

    /// Splits a packed value into its elements; any other value is returned as is.
    private func unpack(
        _ bytes: [UInt8], _ value: WireReader.Value, _ kind: FieldKind
    ) throws(TranscodingError) -> [WireReader.Value] {
        guard kind.isPackable, case .bytes(let range) = value else { return [value] }
        var reader = WireReader(bytes, range)
        var values: [WireReader.Value] = []
        do throws(WireReader.Malformed) {
            while !reader.isAtEnd {
                switch kind.wireType {
                case .fixed32: values.append(.fixed32(try reader.fixed32()))
                case .fixed64: values.append(.fixed64(try reader.fixed64()))
                default: values.append(.varint(try reader.varint()))
                }
            }
        } catch {
            throw .malformedMessage
        }
        return values
    }

    private func map(
        _ bytes: [UInt8], _ entries: [WireReader.Value], _ index: Int, depth: Int, to out: inout JSONWriter
    ) throws(TranscodingError) {
        let entry = schema.messages[index]
        guard let keyField = entry.fieldsByNumber[1].map({ entry.fields[$0] }),
            let valueField = entry.fieldsByNumber[2].map({ entry.fields[$0] })
        else { throw .malformedMessage }
        // The last value of a key counts, at the position of the first.
        var order: [[UInt8]] = []
        var pairs: [[UInt8]: [WireReader.Value]] = [:]
        for case .bytes(let range) in entries {
            let found = try collect(bytes, range, entry)
            var key = JSONWriter(capacity: 16)
            if let last = found[entry.fieldsByNumber[1] ?? 0].last {
                try value(bytes, last, keyField.kind, depth: depth, to: &key)
            } else {
                writeDefault(keyField, to: &key)
            }
            if pairs.updateValue(found[entry.fieldsByNumber[2] ?? 0], forKey: key.bytes) == nil {
                order.append(key.bytes)
            }
        }
        out.append(UInt8(ascii: "{"))
        for (position, key) in order.enumerated() {
            if position > 0 { out.append(UInt8(ascii: ",")) }
            // JSON member names are strings, whatever the type of the key.
            let isText = key.first == UInt8(ascii: "\"")
            if !isText { out.append(UInt8(ascii: "\"")) }
            key.withUnsafeBytes { out.append($0) }
            if !isText { out.append(UInt8(ascii: "\"")) }
            out.append(UInt8(ascii: ":"))
            let values = pairs[key] ?? []
            if values.isEmpty, case .message(let index) = valueField.kind {
                try message([], 0..<0, index, depth: depth - 1, to: &out)
            } else {
                try field(bytes, values, valueField, depth: depth, to: &out)
            }
        }
        out.append(UInt8(ascii: "}"))
    }

    // MARK: values

    func value(
        _ bytes: [UInt8], _ value: WireReader.Value, _ kind: FieldKind, depth: Int, to out: inout JSONWriter
    ) throws(TranscodingError) {
        switch (kind, value) {
        case (.int32, .varint(let raw)): out.write(Int32(truncatingIfNeeded: raw))
        case (.uint32, .varint(let raw)): out.write(UInt32(truncatingIfNeeded: raw))
        case (.sint32, .varint(let raw)):
            let raw = UInt32(truncatingIfNeeded: raw)
            out.write(Int32(bitPattern: raw >> 1) ^ -Int32(bitPattern: raw & 1))
        case (.int64, .varint(let raw)): quoted(Int64(bitPattern: raw), to: &out)
        case (.uint64, .varint(let raw)): quoted(raw, to: &out)
        case (.sint64, .varint(let raw)):
            quoted(Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1), to: &out)
        case (.fixed32, .fixed32(let raw)): out.write(raw)
        case (.sfixed32, .fixed32(let raw)): out.write(Int32(bitPattern: raw))
        case (.fixed64, .fixed64(let raw)): quoted(raw, to: &out)
        case (.sfixed64, .fixed64(let raw)): quoted(Int64(bitPattern: raw), to: &out)
        case (.double, .fixed64(let raw)): floating(Double(bitPattern: raw), to: &out)
        case (.float, .fixed32(let raw)): floating(Float(bitPattern: raw), to: &out)
        case (.bool, .varint(let raw)): out.write(raw != 0)
        case (.enumeration(let index), .varint(let raw)):
            let enumeration = schema.enums[index]
            let number = Int32(truncatingIfNeeded: raw)
            if enumeration.isNull { out.append("null") } else { writeNumber(number, of: enumeration, to: &out) }
        case (.string, .bytes(let range)):
            guard let text = String(validating: bytes[range], as: UTF8.self) else {
                throw TranscodingError("the string is not valid UTF-8")
            }
            out.write(text)
        case (.bytes, .bytes(let range)):
            out.append(UInt8(ascii: "\""))
            Base64.encode(bytes[range]).withUnsafeBytes { out.append($0) }
            out.append(UInt8(ascii: "\""))
        case (.message(let index), .bytes(let range)):
            try message(bytes, range, index, depth: depth - 1, to: &out)
        default: throw .malformedMessage
        }
    }

    /// 64-bit integers are printed as strings, as JavaScript numbers would lose precision.
    private func quoted(_ value: some FixedWidthInteger, to out: inout JSONWriter) {
        out.append(UInt8(ascii: "\""))
        out.write(value)
        out.append(UInt8(ascii: "\""))
    }

    private func writeNumber(_ number: Int32, of enumeration: MessageSchema.Enumeration, to out: inout JSONWriter) {
        if let name = enumeration.names[number] { out.write(name) } else { out.write(number) }
    }

    private func floating<Value: BinaryFloatingPoint & LosslessStringConvertible>(
        _ value: Value, to out: inout JSONWriter
    ) {
        if value.isNaN { return out.append("\"NaN\"") }
        if value.isInfinite { return value < 0 ? out.append("\"-Infinity\"") : out.append("\"Infinity\"") }
        if value == 0, value.sign == .minus { return out.append("-0.0") }
        if let integer = Int64(exactly: value), integer.magnitude < 1 << 53 { return out.write(integer) }
        Array(String(value).utf8).withUnsafeBytes { out.append($0) }
    }
}

extension MessageSchema.Field {
    /// Whether a value replaces the previous one. Messages are merged instead, and lists are appended to.
    fileprivate var keepsOnlyLast: Bool {
        if case .message = kind { false } else { shape == .single }
    }
}

extension WireReader.Value {
    var wireType: FieldKind.WireType {
        switch self {
        case .varint: .varint
        case .fixed64: .fixed64
        case .fixed32: .fixed32
        case .bytes: .lengthDelimited
        }
    }
}

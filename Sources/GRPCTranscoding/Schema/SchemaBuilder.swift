import MartletCore

import SwiftProtobuf

extension MessageSchema {
    /// - Throws: ``DescriptorError`` for a set with unresolved references or types that JSON does not support.
    init(_ files: [Google_Protobuf_FileDescriptorProto]) throws(DescriptorError) {
        for file in files { declare(file) }
        for file in files {
            for message in file.messageType {
                try define(message, in: file.package.isEmpty ? "" : file.package + ".", of: file)
            }
        }
    }

    // MARK: first pass: names

    private mutating func declare(_ file: Google_Protobuf_FileDescriptorProto) {
        let scope = file.package.isEmpty ? "" : file.package + "."
        for message in file.messageType { declare(message, in: scope) }
        for enumeration in file.enumType { declare(enumeration, in: scope) }
    }

    private mutating func declare(_ message: Google_Protobuf_DescriptorProto, in scope: String) {
        let name = scope + message.name
        // Repeated files are identical.
        guard messagesByName[name] == nil else { return }
        messagesByName[name] = messages.count
        messages.append(Message(fullName: name, wellKnown: WellKnownType(name)))
        for nested in message.nestedType { declare(nested, in: name + ".") }
        for enumeration in message.enumType { declare(enumeration, in: name + ".") }
    }

    private mutating func declare(_ enumeration: Google_Protobuf_EnumDescriptorProto, in scope: String) {
        let name = scope + enumeration.name
        guard enumsByName[name] == nil else { return }
        var result = Enumeration(fullName: name)
        for value in enumeration.value {
            result.numbers[MemberName(value.name)] = value.number
            if result.names[value.number] == nil { result.names[value.number] = value.name }
        }
        enumsByName[name] = enums.count
        enums.append(result)
    }

    // MARK: second pass: definitions

    private mutating func define(
        _ message: Google_Protobuf_DescriptorProto, in scope: String, of file: Google_Protobuf_FileDescriptorProto
    ) throws(DescriptorError) {
        let name = scope + message.name
        guard let index = messagesByName[name], messages[index].fields.isEmpty else { return }
        let entries = Set(message.nestedType.filter(\.options.mapEntry).map { ".\(name).\($0.name)" })
        for proto in message.field {
            let field = try field(proto, of: name, entries: entries, file: file)
            let position = messages[index].fields.count
            messages[index].fields.append(field)
            messages[index].fieldsByNumber[field.number] = position
            messages[index].fieldsByName[MemberName(field.name)] = position
        }
        // JSON names take precedence where the two conflict.
        for (position, field) in messages[index].fields.enumerated() {
            messages[index].fieldsByName[MemberName(field.jsonName)] = position
        }
        for nested in message.nestedType { try define(nested, in: name + ".", of: file) }
    }

    private func field(
        _ proto: Google_Protobuf_FieldDescriptorProto, of message: String, entries: Set<String>,
        file: Google_Protobuf_FileDescriptorProto
    ) throws(DescriptorError) -> Field {
        let name = "\(message).\(proto.name)"
        guard (1..<(1 << 29)).contains(proto.number) else { throw DescriptorError("\(name) has no valid number") }
        let kind = try kind(proto, name)
        let shape: Field.Shape
        if proto.label == .repeated {
            if case .message(let entry) = kind, entries.contains(proto.typeName) {
                shape = .map(entry: entry)
            } else {
                shape = .list
            }
        } else {
            shape = .single
        }
        return Field(
            number: Int(proto.number), name: proto.name,
            jsonName: proto.hasJsonName ? proto.jsonName : FieldNames.camelCase(proto.name), kind: kind, shape: shape,
            hasPresence: shape == .single && Self.hasPresence(proto, kind, file),
            oneof: proto.hasOneofIndex && !proto.proto3Optional ? Int(proto.oneofIndex) : nil)
    }

    private static func hasPresence(
        _ proto: Google_Protobuf_FieldDescriptorProto, _ kind: FieldKind, _ file: Google_Protobuf_FileDescriptorProto
    ) -> Bool {
        if case .message = kind { return true }
        if proto.hasOneofIndex || proto.proto3Optional { return true }
        switch file.syntax {
        case "proto3": return false
        case "editions":
            let own = proto.options.features
            let inherited = file.options.features
            let presence = own.hasFieldPresence ? own.fieldPresence : inherited.fieldPresence
            return presence != .implicit
        default: return true
        }
    }

    private func kind(
        _ proto: Google_Protobuf_FieldDescriptorProto, _ name: String
    ) throws(DescriptorError) -> FieldKind {
        switch proto.type {
        case .double: return .double
        case .float: return .float
        case .int32: return .int32
        case .int64: return .int64
        case .uint32: return .uint32
        case .uint64: return .uint64
        case .sint32: return .sint32
        case .sint64: return .sint64
        case .fixed32: return .fixed32
        case .fixed64: return .fixed64
        case .sfixed32: return .sfixed32
        case .sfixed64: return .sfixed64
        case .bool: return .bool
        case .string: return .string
        case .bytes: return .bytes
        case .group: throw DescriptorError("\(name) is a group, which JSON does not support")
        case .message:
            guard proto.options.features.messageEncoding != .delimited else {
                throw DescriptorError("\(name) is a group, which JSON does not support")
            }
            guard let index = messagesByName[String(proto.typeName.drop { $0 == "." })] else {
                throw DescriptorError("\(name) is a \(proto.typeName), which no file in the set declares")
            }
            return .message(index)
        case .enum:
            guard let index = enumsByName[String(proto.typeName.drop { $0 == "." })] else {
                throw DescriptorError("\(name) is a \(proto.typeName), which no file in the set declares")
            }
            return .enumeration(index)
        }
    }
}

/// Converts between the naming conventions of `.proto` files and JSON.
enum FieldNames {
    /// `page_size` to `pageSize`.
    static func camelCase(_ name: some StringProtocol) -> String {
        var result = ""
        var isStart = false
        for character in name {
            if character == "_" {
                isStart = true
            } else {
                result += isStart ? character.uppercased() : String(character)
                isStart = false
            }
        }
        return result
    }

    /// `pageSize` to `page_size`.
    static func protobufSnakeCase(_ name: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in name {
            if (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) {
                result += [UInt8(ascii: "_"), byte | 0x20]
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

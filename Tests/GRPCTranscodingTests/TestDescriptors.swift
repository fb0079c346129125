import SwiftProtobuf

@testable import GRPCTranscoding

/// A descriptor set as `protoc` would generate it, with every kind of field.
enum TestDescriptors {
    typealias Field = Google_Protobuf_FieldDescriptorProto
    typealias Message = Google_Protobuf_DescriptorProto

    static func field(
        _ name: String, _ number: Int32, _ type: Field.TypeEnum, of typeName: String = "", isRepeated: Bool = false,
        oneof: Int32? = nil, jsonName: String? = nil, isOptional: Bool = false
    ) -> Field {
        var field = Field()
        field.name = name
        field.number = number
        field.type = type
        field.label = isRepeated ? .repeated : .optional
        if !typeName.isEmpty { field.typeName = typeName }
        if let oneof { field.oneofIndex = oneof }
        if let jsonName { field.jsonName = jsonName }
        if isOptional { field.proto3Optional = true }
        return field
    }

    static func message(_ name: String, _ fields: [Field], nested: [Message] = [], oneofs: [String] = []) -> Message {
        var message = Message()
        message.name = name
        message.field = fields
        message.nestedType = nested
        message.oneofDecl = oneofs.map { name in
            var oneof = Google_Protobuf_OneofDescriptorProto()
            oneof.name = name
            return oneof
        }
        return message
    }

    static func entry(_ name: String, _ key: Field.TypeEnum, _ value: Field.TypeEnum, of typeName: String = "")
        -> Message
    {
        var entry = message(name, [field("key", 1, key), field("value", 2, value, of: typeName)])
        entry.options.mapEntry = true
        return entry
    }

    static func enumeration(_ name: String, _ values: KeyValuePairs<String, Int32>)
        -> Google_Protobuf_EnumDescriptorProto
    {
        var result = Google_Protobuf_EnumDescriptorProto()
        result.name = name
        result.value = values.map { name, number in
            var value = Google_Protobuf_EnumValueDescriptorProto()
            value.name = name
            value.number = number
            return value
        }
        return result
    }

    /// A method with the serialized `google.api.HttpRule` among its options.
    static func method(
        _ name: String, _ input: String, _ output: String, rule: [UInt8]?, isStreaming: Bool = false,
        takesStream: Bool = false
    ) throws -> Google_Protobuf_MethodDescriptorProto {
        var method = Google_Protobuf_MethodDescriptorProto()
        method.name = name
        method.inputType = input
        method.outputType = output
        method.serverStreaming = isStreaming
        method.clientStreaming = takesStream
        if let rule {
            var option = WireWriter()
            option.field(72_295_728, rule)
            method.options = try Google_Protobuf_MethodOptions(serializedBytes: option.bytes)
        }
        return method
    }

    /// A `google.api.HttpRule`, with the field numbers of `google/api/http.proto`.
    static func rule(
        _ kind: Int, _ path: String, body: String = "", responseBody: String = "", additional: [[UInt8]] = []
    ) -> [UInt8] {
        var rule = WireWriter()
        rule.field(kind, path.utf8)
        if !body.isEmpty { rule.field(7, body.utf8) }
        if !responseBody.isEmpty { rule.field(12, responseBody.utf8) }
        for other in additional { rule.field(11, other) }
        return rule.bytes
    }

    static func customRule(_ method: String, _ path: String) -> [UInt8] {
        var pattern = WireWriter()
        pattern.field(1, method.utf8)
        pattern.field(2, path.utf8)
        var rule = WireWriter()
        rule.field(8, pattern.bytes)
        return rule.bytes
    }

    // MARK: the files

    private static func file(
        _ package: String, _ messages: [Message], enums: [Google_Protobuf_EnumDescriptorProto] = []
    ) -> Google_Protobuf_FileDescriptorProto {
        var file = Google_Protobuf_FileDescriptorProto()
        file.package = package
        file.syntax = "proto3"
        file.messageType = messages
        file.enumType = enums
        return file
    }

    static let wellKnown: Google_Protobuf_FileDescriptorProto = {
        let time = [field("seconds", 1, .int64), field("nanos", 2, .int32)]
        let value = ".google.protobuf.Value"
        let wrappers: [(String, Field.TypeEnum)] = [
            ("Double", .double), ("Float", .float), ("Int64", .int64), ("UInt64", .uint64), ("Int32", .int32),
            ("UInt32", .uint32), ("Bool", .bool), ("String", .string), ("Bytes", .bytes),
        ]
        return file(
            "google.protobuf",
            [
                message("Timestamp", time), message("Duration", time), message("Empty", []),
                message("FieldMask", [field("paths", 1, .string, isRepeated: true)]),
                message("Any", [field("type_url", 1, .string), field("value", 2, .bytes)]),
                message(
                    "Struct",
                    [field("fields", 1, .message, of: ".google.protobuf.Struct.FieldsEntry", isRepeated: true)],
                    nested: [entry("FieldsEntry", .string, .message, of: value)]),
                message("ListValue", [field("values", 1, .message, of: value, isRepeated: true)]),
                message(
                    "Value",
                    [
                        field("null_value", 1, .enum, of: ".google.protobuf.NullValue", oneof: 0),
                        field("number_value", 2, .double, oneof: 0), field("string_value", 3, .string, oneof: 0),
                        field("bool_value", 4, .bool, oneof: 0),
                        field("struct_value", 5, .message, of: ".google.protobuf.Struct", oneof: 0),
                        field("list_value", 6, .message, of: ".google.protobuf.ListValue", oneof: 0),
                    ], oneofs: ["kind"]),
            ] + wrappers.map { message($0.0 + "Value", [field("value", 1, $0.1)]) },
            enums: [enumeration("NullValue", ["NULL_VALUE": 0])])
    }()

    static let everything: Google_Protobuf_FileDescriptorProto = {
        let own = ".test.Everything"
        let google = ".google.protobuf."
        let scalars: [(String, Field.TypeEnum)] = [
            ("double", .double), ("float", .float), ("int32", .int32), ("int64", .int64), ("uint32", .uint32),
            ("uint64", .uint64), ("sint32", .sint32), ("sint64", .sint64), ("fixed32", .fixed32),
            ("fixed64", .fixed64), ("sfixed32", .sfixed32), ("sfixed64", .sfixed64), ("bool", .bool),
            ("string", .string), ("bytes", .bytes),
        ]
        var fields = scalars.enumerated().map { field($1.0, Int32($0 + 1), $1.1) }
        fields += [
            field("color", 16, .enum, of: ".test.Color"), field("maybe", 17, .int32, oneof: 1, isOptional: true),
            field("numbers", 18, .sint32, isRepeated: true), field("words", 19, .string, isRepeated: true),
            field("inners", 20, .message, of: own, isRepeated: true),
            field("colors", 21, .enum, of: ".test.Color", isRepeated: true),
            field("counts", 22, .message, of: own + ".CountsEntry", isRepeated: true),
            field("by_number", 23, .message, of: own + ".ByNumberEntry", isRepeated: true),
            field("answers", 24, .message, of: own + ".AnswersEntry", isRepeated: true),
            field("left", 25, .string, oneof: 0), field("right", 26, .message, of: own, oneof: 0),
            field("nothing", 27, .enum, of: google + "NullValue", oneof: 0), field("inner", 28, .message, of: own),
            field("time", 29, .message, of: google + "Timestamp"), field("span", 30, .message, of: google + "Duration"),
            field("mask", 31, .message, of: google + "FieldMask"), field("object", 32, .message, of: google + "Struct"),
            field("value", 33, .message, of: google + "Value"), field("list", 34, .message, of: google + "ListValue"),
            field("any", 35, .message, of: google + "Any"), field("empty", 36, .message, of: google + "Empty"),
            field("int64_value", 37, .message, of: google + "Int64Value"),
            field("string_value", 38, .message, of: google + "StringValue"),
            field("bool_value", 39, .message, of: google + "BoolValue"),
            field("other_name", 40, .string, jsonName: "another"),
            field("doubles", 41, .double, isRepeated: true), field("floats", 42, .float, isRepeated: true),
            field("values", 43, .message, of: own + ".ValuesEntry", isRepeated: true),
        ]
        return file(
            "test",
            [
                message(
                    "Everything", fields,
                    nested: [
                        entry("CountsEntry", .string, .int32), entry("ByNumberEntry", .int64, .message, of: own),
                        entry("AnswersEntry", .bool, .string),
                        entry("ValuesEntry", .string, .message, of: google + "Value"),
                    ], oneofs: ["choice", "_maybe"])
            ], enums: [enumeration("Color", ["COLOR_UNSPECIFIED": 0, "RED": 1, "CRIMSON": 1, "DARK": -3])])
    }()

    /// The set of two files, the second of which has a service.
    static func set(_ methods: [Google_Protobuf_MethodDescriptorProto] = []) -> Google_Protobuf_FileDescriptorSet {
        var service = Google_Protobuf_ServiceDescriptorProto()
        service.name = "Tests"
        service.method = methods
        var own = everything
        own.service = [service]
        var set = Google_Protobuf_FileDescriptorSet()
        set.file = [wellKnown, own]
        return set
    }

    static func schema() throws -> MessageSchema { try MessageSchema(set().file) }
}

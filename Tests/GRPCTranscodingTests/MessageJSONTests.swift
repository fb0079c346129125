import MartletCore
import Testing

@testable import GRPCTranscoding

/// JSON as protobuf messages and back.
struct MessageJSONTests {
    let schema: MessageSchema
    let type: Int

    init() throws {
        schema = try TestDescriptors.schema()
        type = try #require(schema.messagesByName["test.Everything"])
    }

    @discardableResult
    private func encode(_ text: String, ignoresUnknownFields: Bool = true) throws -> [UInt8] {
        let json = try JSONValue(parsing: Array(text.utf8))
        return try MessageEncoder(schema: schema, ignoresUnknownFields: ignoresUnknownFields).message(json, type).bytes
    }

    @discardableResult
    private func print(_ bytes: [UInt8], _ printer: MessagePrinter? = nil) throws -> String {
        var out = JSONWriter()
        try (printer ?? MessagePrinter(schema: schema)).message(bytes, bytes.indices, type, to: &out)
        return String(decoding: out.bytes, as: UTF8.self)
    }

    @Test(arguments: [
        #"{}"#,
        #"{"double":1.5,"float":0.1}"#,
        #"{"double":"NaN","float":"-Infinity"}"#,
        #"{"double":1e+300}"#,
        #"{"double":-0.0}"#,
        #"{"int32":-2147483648,"uint32":4294967295}"#,
        #"{"int64":"-9223372036854775808","uint64":"18446744073709551615"}"#,
        #"{"sint32":-2147483648,"sint64":"-9223372036854775808"}"#,
        #"{"fixed32":4294967295,"fixed64":"18446744073709551615","sfixed32":-1,"sfixed64":"-1"}"#,
        #"{"bool":true,"string":"a\u0000\"é😀","bytes":"AAEC/w=="}"#,
        #"{"color":"RED"}"#, #"{"color":"DARK"}"#, #"{"color":77}"#,
        #"{"maybe":0}"#,
        #"{"numbers":[1,-2,3],"words":["a",""],"colors":["RED",5]}"#,
        #"{"doubles":[1.5,"NaN"],"floats":[0.25]}"#,
        #"{"inners":[{},{"int32":5}]}"#,
        #"{"counts":{"a":1,"":0},"byNumber":{"-5":{"string":"x"}},"answers":{"true":"y","false":"n"}}"#,
        #"{"left":""}"#, #"{"right":{}}"#, #"{"nothing":null}"#,
        #"{"inner":{"inner":{"inner":{}}}}"#,
        #"{"time":"2026-11-21T08:30:00Z"}"#, #"{"time":"0001-01-01T00:00:00Z"}"#,
        #"{"time":"9999-12-31T23:59:59.999999999Z"}"#, #"{"time":"1969-12-31T23:59:59.500Z"}"#,
        #"{"span":"0s"}"#, #"{"span":"1.500s"}"#, #"{"span":"-0.000000001s"}"#, #"{"span":"-315576000000s"}"#,
        #"{"mask":""}"#, #"{"mask":"a,bC.dE"}"#,
        #"{"object":{"a":1,"b":[true,null,"x",{"c":1.5}],"d":{}}}"#,
        #"{"value":null}"#, #"{"value":[1,{"a":"b"}]}"#, #"{"value":false}"#, #"{"value":""}"#,
        #"{"list":[]}"#, #"{"list":[1,"a",null]}"#,
        #"{"any":{}}"#, #"{"any":{"@type":"type.googleapis.com/test.Everything","int32":5}}"#,
        #"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#,
        #"{"empty":{}}"#,
        #"{"int64Value":"0","stringValue":"","boolValue":false}"#,
        #"{"another":"x"}"#,
        #"{"values":{"a":null,"b":[1]}}"#,
    ])
    func roundTripsMessages(text: String) throws { #expect(try print(encode(text)) == text) }

    @Test(arguments: [
        (
            #"{"int32":"12","int64":12,"uint32":1.0,"uint64":1e2}"#,
            #"{"int32":12,"int64":"12","uint32":1,"uint64":"100"}"#
        ),
        (#"{"int64":9007199254740993}"#, #"{"int64":"9007199254740993"}"#),
        (#"{"int32":-0,"double":0,"string":"","bool":false,"color":0,"bytes":""}"#, #"{}"#),
        (#"{"double":"1.5","float":"2"}"#, #"{"double":1.5,"float":2}"#),
        (#"{"bytes":"-_8"}"#, #"{"bytes":"+/8="}"#),
        (#"{"color":"CRIMSON"}"#, #"{"color":"RED"}"#),
        (#"{"maybe":null,"inner":null,"words":null,"counts":null,"time":null,"stringValue":null}"#, #"{}"#),
        (#"{"left":null,"right":{"int32":1}}"#, #"{"right":{"int32":1}}"#),
        (#"{"time":"2020-01-02T03:04:05.6789+02:00"}"#, #"{"time":"2020-01-02T01:04:05.678900Z"}"#),
        (#"{"mask":"first_name"}"#, #"{"mask":"firstName"}"#),
        (#"{"other_name":"x","by_number":{},"bool_value":true}"#, #"{"boolValue":true,"another":"x"}"#),
        (#"{"unknown":{"a":[1]},"int32":1}"#, #"{"int32":1}"#),
        (#"{"nothing":"NULL_VALUE"}"#, #"{"nothing":null}"#),
    ])
    func readsOtherSpellings(text: String, canonical: String) throws { #expect(try print(encode(text)) == canonical) }

    @Test(arguments: [
        (#"[]"#, ""), (#"null"#, ""), (#"1"#, ""),
        (#"{"int32":1.5}"#, "int32"), (#"{"int32":2147483648}"#, "int32"), (#"{"int32":""}"#, "int32"),
        (#"{"int32":" 1"}"#, "int32"), (#"{"int32":"+1"}"#, "int32"), (#"{"int32":"0x1"}"#, "int32"),
        (#"{"int32":true}"#, "int32"), (#"{"int32":[1]}"#, "int32"), (#"{"int32":1e999999999999}"#, "int32"),
        (#"{"uint32":-1}"#, "uint32"), (#"{"uint64":18446744073709551616}"#, "uint64"),
        (#"{"int64":"9223372036854775808"}"#, "int64"), (#"{"sint64":-9223372036854775809}"#, "sint64"),
        (#"{"double":1e400}"#, "double"), (#"{"float":1e39}"#, "float"), (#"{"double":"nan"}"#, "double"),
        (#"{"double":"0x10"}"#, "double"), (#"{"double":""}"#, "double"),
        (#"{"bool":"true"}"#, "bool"), (#"{"bool":1}"#, "bool"), (#"{"string":5}"#, "string"),
        (#"{"bytes":"%%%"}"#, "bytes"), (#"{"bytes":"A"}"#, "bytes"), (#"{"bytes":"AA==A"}"#, "bytes"),
        (#"{"color":"NOPE"}"#, "color"), (#"{"color":"red"}"#, "color"), (#"{"color":1.5}"#, "color"),
        (#"{"numbers":1}"#, "numbers"), (#"{"numbers":[1,null]}"#, "numbers.1"),
        (#"{"inners":[{"int32":"x"}]}"#, "inners.0.int32"),
        (#"{"counts":[]}"#, "counts"), (#"{"counts":{"a":null}}"#, "counts.a"), (#"{"counts":{"a":"x"}}"#, "counts.a"),
        (#"{"byNumber":{"x":{}}}"#, "byNumber.x"), (#"{"answers":{"maybe":""}}"#, "answers.maybe"),
        (#"{"left":"l","right":{}}"#, "right"), (#"{"another":"a","other_name":"b"}"#, "other_name"),
        (#"{"inner":5}"#, "inner"), (#"{"inner":{"inner":{"int32":"x"}}}"#, "inner.inner.int32"),
        (#"{"time":"nope"}"#, "time"), (#"{"time":5}"#, "time"), (#"{"time":"0000-01-01T00:00:00Z"}"#, "time"),
        (#"{"time":"2020-01-01 00:00:00Z"}"#, "time"), (#"{"time":"2020-02-30T00:00:00Z"}"#, "time"),
        (#"{"time":"2020-01-01T00:00:00"}"#, "time"), (#"{"time":"2020-01-01T00:00:00.1234567890Z"}"#, "time"),
        (#"{"time":"0001-01-01T00:00:00+01:00"}"#, "time"),
        (#"{"span":"1"}"#, "span"), (#"{"span":"s"}"#, "span"), (#"{"span":"1.s"}"#, "span"),
        (#"{"span":"400000000000s"}"#, "span"), (#"{"span":"1.0000000000s"}"#, "span"), (#"{"span":"+1s"}"#, "span"),
        (#"{"mask":["a"]}"#, "mask"), (#"{"object":5}"#, "object"), (#"{"list":{}}"#, "list"),
        (#"{"value":{"a":1e999}}"#, "value.a"),
        (#"{"any":{"int32":5}}"#, "any.@type"), (#"{"any":{"@type":"type.googleapis.com/nope.X"}}"#, "any.@type"),
        (#"{"any":{"@type":"test.Everything"}}"#, "any.@type"),
        (#"{"any":{"@type":"a/google.protobuf.Duration"}}"#, "any.value"),
        (#"{"int64Value":"x"}"#, "int64Value"), (#"{"boolValue":"true"}"#, "boolValue"),
    ])
    func refuses(text: String, location: String) throws {
        let error = try #require(throws: TranscodingError.self) { try encode(text) }
        #expect(error.location.joined(separator: ".") == location)
        #expect(!error.reason.isEmpty)
    }

    @Test func rejectsUnknownFieldsWhenConfigured() throws {
        let error = try #require(throws: TranscodingError.self) {
            try encode(#"{"inner":{"nope":1}}"#, ignoresUnknownFields: false)
        }
        #expect(error.location == ["inner", "nope"])
    }

    @Test func writesTheWireFormat() throws {
        #expect(try encode(#"{"int32":150}"#) == [0x18, 0x96, 0x01])
        #expect(try encode(#"{"int32":-1}"#) == [0x18] + Array(repeating: 0xFF, count: 9) + [0x01])
        #expect(try encode(#"{"string":"testing"}"#) == [0x72, 7] + Array("testing".utf8))
        #expect(try encode(#"{"numbers":[1,-1]}"#) == [0x92, 0x01, 2, 2, 1])
        #expect(try encode(#"{"fixed32":1,"double":1}"#) == [0x4D, 1, 0, 0, 0, 0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
        #expect(try encode(#"{"inner":{"int32":1}}"#) == [0xE2, 0x01, 2, 0x18, 1])
        #expect(try encode(#"{"counts":{"a":1}}"#) == [0xB2, 0x01, 5, 0x0A, 1, 0x61, 0x10, 1])
    }

    // MARK: bytes that a server may send

    @Test func acceptsEverythingWritersMaySend() throws {
        // The last of several values, lists in parts and not packed, messages in parts, duplicate keys.
        #expect(try print([0x18, 1, 0x18, 2]) == #"{"int32":2}"#)
        #expect(try print([0x90, 0x01, 2, 0x92, 0x01, 1, 4]) == #"{"numbers":[1,2]}"#)
        #expect(
            try print([0xE2, 0x01, 2, 0x18, 1, 0xE2, 0x01, 2, 0x28, 2]) == #"{"inner":{"int32":1,"uint32":2}}"#)
        let entry: [UInt8] = [0xB2, 0x01, 5, 0x0A, 1, 0x61, 0x10]
        #expect(try print(entry + [1] + entry + [2]) == #"{"counts":{"a":2}}"#)
        // An entry without key or value has their defaults.
        #expect(try print([0xB2, 0x01, 0, 0xBA, 0x01, 0]) == #"{"counts":{"":0},"byNumber":{"0":{}}}"#)
        // The last of a oneof.
        #expect(try print([0xCA, 0x01, 1, 0x61, 0xD2, 0x01, 0]) == #"{"right":{}}"#)
        // Explicit zeros, which are redundant.
        #expect(try print([0x18, 0, 0x72, 0]) == "{}")
        // A Value without a kind.
        #expect(try print([0x8A, 0x02, 0]) == #"{"value":null}"#)
    }

    @Test func ignoresUnknownFields() throws {
        // An unknown field of each wire type, a group, and a known field with another wire type.
        let unknown: [UInt8] = [
            0xA0, 0x3F, 1, 0xA1, 0x3F, 1, 2, 3, 4, 5, 6, 7, 8, 0xA2, 0x3F, 1, 9, 0xA5, 0x3F, 1, 2, 3, 4,
            0xA3, 0x3F, 0xA3, 0x3F, 0xA0, 0x3F, 1, 0xA4, 0x3F, 0xA4, 0x3F, 0x1A, 1, 5,
        ]
        #expect(try print(unknown + [0x18, 7] + unknown) == #"{"int32":7}"#)
    }

    @Test(
        arguments: [
            [0x18], [0x18, 0x80], [0x72, 5, 0x61], [0x72, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x09, 1, 2], [0x4D, 1], [0x00, 0x01], [0x1B], [0x1C], [0x1F, 1], [0x92, 0x01, 1, 0x80],
            [0x8A, 0x01, 1, 1],
            [0x72, 1, 0xFF], [0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
            // A time and a duration out of range, NaN in a Value, an Any of an unknown type.
            [0xEA, 0x01, 2, 0x10, 0xFF, 0x7F],
            [0xF2, 0x01, 11, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0],
            [0x8A, 0x02, 9, 0x11, 0, 0, 0, 0, 0, 0, 0xF8, 0x7F], [0x9A, 0x02, 5, 0x0A, 3, 0x61, 0x2F, 0x62],
        ] as [[UInt8]])
    func rejectsInvalidBytes(bytes: [UInt8]) {
        // [0x8A, 0x01, …] is `maybe` with another wire type, which is ignored unless its contents are truncated.
        if bytes == [0x8A, 0x01, 1, 1] {
            #expect(throws: Never.self) { try print(bytes) }
        } else {
            #expect(throws: TranscodingError.self) { try print(bytes) }
        }
    }

    @Test func refusesMessagesNestedTooDeeply() throws {
        func nested(_ depth: Int) -> [UInt8] {
            var bytes: [UInt8] = []
            for _ in 0..<depth {
                var outer = WireWriter()
                outer.field(28, bytes)
                bytes = outer.bytes
            }
            return bytes
        }
        #expect(throws: Never.self) { try print(nested(MessagePrinter.maximumDepth - 1)) }
        #expect(throws: TranscodingError.self) { try print(nested(MessagePrinter.maximumDepth)) }
        #expect(throws: TranscodingError.self) { try print(nested(10_000)) }
    }

    @Test func writesDefaultsAndNamesWhenConfigured() throws {
        let printer = MessagePrinter(schema: schema, writesDefaults: true, keepsNames: true)
        let json = try JSONValue(
            parsing: Array(try print(encode(#"{"otherName":"x","byNumber":{"1":{}}}"#), printer).utf8))
        #expect(json["int32"] == 0 && json["int64"] == "0" && json["bool"] == false && json["string"] == "")
        #expect(json["color"] == "COLOR_UNSPECIFIED" && json["numbers"] == [] && json["counts"] == [:])
        #expect(json["maybe"] == nil && json["left"] == nil && json["inner"] == nil && json["time"] == nil)
        #expect(json["by_number"]?["1"]?["other_name"] == "")
    }
}

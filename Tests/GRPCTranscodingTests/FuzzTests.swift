import MartletCore
import MartletTesting
import SwiftProtobuf
import Testing

@testable import GRPCTranscoding

/// No input may crash the process: the result is always a value or an error.
@Suite(.seeded) struct FuzzTests {
    private static let seeds = [
        #"{"double":1.5,"int32":-1,"int64":"5","bool":true,"string":"é","bytes":"AAEC","color":"RED","maybe":0}"#,
        #"{"numbers":[1,2],"words":["a"],"counts":{"a":1},"byNumber":{"5":{"left":"x"}},"answers":{"true":"y"}}"#,
        #"{"time":"2020-01-02T03:04:05.678Z","span":"-1.5s","mask":"a,bC","object":{"a":[1,null,{"b":"c"}]}}"#,
        #"{"any":{"@type":"t/test.Everything","inner":{"value":[1,2,"x"]}},"list":[1],"int64Value":"5","empty":{}}"#,
    ]

    @Test(arguments: 0..<8 as Range<UInt64>)
    func survivesMutatedMessages(seed: UInt64) throws {
        var random = SeededRandom(seed: SeededRandom.seedOfRun &+ seed)
        let schema = try TestDescriptors.schema()
        let type = try #require(schema.messagesByName["test.Everything"])
        let encoder = MessageEncoder(schema: schema)
        let printer = MessagePrinter(schema: schema)
        var understood = 0
        for round in 0..<4000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            } else {
                let json = try JSONValue(parsing: Array(Self.seeds[round / 2 % Self.seeds.count].utf8))
                bytes = try encoder.message(json, type).bytes
                for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                    }
                }
            }
            var out = JSONWriter()
            do { try printer.message(bytes, bytes.indices, type, to: &out) } catch { continue }
            // The output is JSON and can be read as a message again.
            let json = try JSONValue(parsing: out.bytes, limits: JSONLimits(depth: 1000))
            _ = try? encoder.message(json, type)
            understood += 1
        }
        #expect(understood > 100)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func survivesMutatedJSON(seed: UInt64) throws {
        var random = SeededRandom(seed: SeededRandom.seedOfRun &+ seed)
        let schema = try TestDescriptors.schema()
        let type = try #require(schema.messagesByName["test.Everything"])
        let encoder = MessageEncoder(schema: schema)
        let printer = MessagePrinter(schema: schema)
        let pieces = [
            "0", "-", "e", "9", "\"", "[", "]", "{", "}", "null", "true", ",", ":", "\\u0000", "\"NaN\"", "1e400",
            "\u{0}",
        ]
        var understood = 0
        for round in 0..<4000 {
            var text = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0..<Int.random(in: 0..<5, using: &random) {
                let index = Int.random(in: 0..<text.count, using: &random)
                if Bool.random(using: &random) {
                    text.remove(at: index)
                } else {
                    text.insert(contentsOf: Array((pieces.randomElement(using: &random) ?? "").utf8), at: index)
                }
            }
            guard let json = try? JSONValue(parsing: text), let bytes = try? encoder.message(json, type).bytes else {
                continue
            }
            // An accepted message can be written again.
            var out = JSONWriter()
            try printer.message(bytes, bytes.indices, type, to: &out)
            understood += 1
        }
        #expect(understood > 100)
    }

    private static let numbers: [UInt64] = [
        0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1_000_000_000, 253_402_300_799, 253_402_300_800, 315_576_000_000,
        315_576_000_001, UInt64(bitPattern: -1), UInt64(bitPattern: -62_135_596_801), UInt64(bitPattern: .min),
        UInt64(bitPattern: -1_000_000_000), 0x7FFF_FFFF_FFFF_FFFF,
    ]

    /// The minimum and maximum of every type, and values beyond the range of a time or a duration.
    @Test func survivesExtremeValues() throws {
        let schema = try TestDescriptors.schema()
        let type = try #require(schema.messagesByName["test.Everything"])
        let printer = MessagePrinter(schema: schema)
        let encoder = MessageEncoder(schema: schema)
        var messages: [WireWriter] = []
        for number in Self.numbers {
            for other in Self.numbers {
                var time = WireWriter()
                time.key(1, .varint)
                time.varint(number)
                time.key(2, .varint)
                time.varint(other)
                for field in [29, 30] {
                    var out = WireWriter()
                    out.field(field, time.bytes)
                    messages.append(out)
                }
            }
            // Numbers of each wire type, for every field type.
            for field in 1...17 {
                for wire in [FieldKind.WireType.varint, .fixed32, .fixed64] {
                    var out = WireWriter()
                    out.key(field, wire)
                    switch wire {
                    case .fixed32: out.fixed32(UInt32(truncatingIfNeeded: number))
                    case .fixed64: out.fixed64(number)
                    default: out.varint(number)
                    }
                    messages.append(out)
                }
            }
        }
        var understood = 0
        for message in messages {
            var out = JSONWriter()
            do { try printer.message(message.bytes, message.bytes.indices, type, to: &out) } catch { continue }
            _ = try? encoder.message(try JSONValue(parsing: out.bytes), type)
            understood += 1
        }
        #expect(understood > 500)
        let texts = [
            "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
            "1e1000000000000000000000", "-1e-99999999999999999999", "0.0000000000000000000000001e25",
            "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
            "315576000000.999999999s", "-315576000000s", "999999999999s", "-999999999999.999999999s", "99999999999999s",
        ]
        for text in texts {
            for name in ["int32", "int64", "uint32", "uint64", "sint64", "double", "float", "color", "time", "span"] {
                for json in ["\"\(text)\"", text] {
                    guard let value = try? JSONValue(parsing: Array("{\"\(name)\":\(json)}".utf8)) else { continue }
                    _ = try? encoder.message(value, type)
                }
            }
        }
    }

    @Test func survivesRandomTargetsAndDescriptors() throws {
        var random = SeededRandom()
        let rule = TestDescriptors.rule(
            2, "/v1/{string=**}:verb", additional: [TestDescriptors.rule(2, "/{inner.int32}/*")])
        let method = try TestDescriptors.method("M", ".test.Everything", ".test.Everything", rule: rule)
        let transcoder = try Transcoder(TestDescriptors.set([method]), services: ["test.Tests"])
        let descriptors: [UInt8] = try TestDescriptors.set([method]).serializedBytes()
        let pieces = ["/", "v1", ":", "verb", "%", "%41", "%ff", "a", "1", ".", "=", "&", "inner", "int32", "é"]
        for _ in 0..<4000 {
            func text(_ count: Int) -> String {
                (0..<Int.random(in: 0..<count, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
                    .joined()
            }
            if case .found(let found) = transcoder.match(method: "GET", path: ("/" + text(12)).utf8) {
                _ = try? transcoder.request(found, query: Array(text(20).utf8), body: [])
            }
        }
        for _ in 0..<200 {
            var bytes = descriptors
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? Transcoder(descriptors: bytes, services: ["test.Tests"])
        }
    }
}

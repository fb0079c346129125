import MartletCore
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        #"{"a":[1,-2.50,1e10,true,false,null,"x"],"b":{}}"#, #""é\u00e9\ud83d\ude00\n""#, "0", "-0", "[]", #"[[[]]]"#,
    ])
    func roundTripsValues(text: String) throws {
        let value = try JSONValue(parsing: text.utf8)
        #expect(try JSONValue(parsing: value.bytes) == value)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":}", "{\"a\" 1}", "01", "1.", "+1", ".5", "NaN", "Infinity", "nul", "'a'", "\"a",
        "\"\u{1}\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "1 2",
        "{\"a\":1,\"a\":2}",
        "[1}", "\u{FEFF}1",
    ])
    func rejectsMalformedJSON(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
    }

    @Test func refusesInvalidUTF8() {
        let overlong: [UInt8] = [0x22, 0xC0, 0x80, 0x22]
        let surrogate: [UInt8] = [0x22, 0xED, 0xA0, 0x80, 0x22]
        #expect(throws: JSONError.self) { try JSONValue(parsing: overlong) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: surrogate) }
    }

    @Test func rejectsDeepNestingWithoutOverflow() {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        let objects = String(repeating: "{\"a\":", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep.utf8) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: objects.utf8) }
    }

    @Test func reportsThePosition() {
        #expect(throws: JSONError(line: 2, column: 3, reason: "expected a value")) {
            try JSONValue(parsing: "[1,\n  x]".utf8)
        }
    }

    @Test func everyTruncationIsAnError() throws {
        let text = Array(#"{"name":"Chai \u00e9","price":18.00,"tags":["a",null,true],"n":-1.5e3}"#.utf8)
        _ = try JSONValue(parsing: text)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONValue(parsing: text.prefix(length)) }
        }
    }

    private struct Sample: Codable {
        let someText: String
        let money: Money
        let moment: Timestamp
        let missing: Int?
        let list: [Int]
        let map: [String: Bool]
        let nested: Nested
        let free: JSONValue

        struct Nested: Codable {
            let isDone: Bool
        }
    }

    @Test func encodesInSnakeCaseWithExactMoney() throws {
        let sample = Sample(
            someText: "a\"b\\c\u{1}", money: try Money(decimal: "18"), moment: Timestamp(microseconds: 0), missing: nil,
            list: [1, -2], map: ["camelCase": true], nested: .init(isDone: false), free: ["x": [1, "y"]])
        let text = String(decoding: try JSONWriter.bytes(of: sample), as: UTF8.self)
        #expect(
            text
                == #"{"some_text":"a\"b\\c\u0001","money":18.00,"moment":"1970-01-01T00:00:00.000000Z","missing":null,"#
                + #""list":[1,-2],"map":{"camelCase":true},"nested":{"is_done":false},"free":{"x":[1,"y"]}}"#)
    }

    @Test func encodesNilOfEveryTypeAsNull() throws {
        struct Absent: Encodable {
            let bool: Bool? = nil
            let text: String? = nil
            let double: Double? = nil
            let float: Float? = nil
            let int: Int? = nil
            let int64: Int64? = nil
            let uint8: UInt8? = nil
            let money: Money? = nil
            let list: [Int]? = nil
        }
        let text = String(decoding: try JSONWriter.bytes(of: Absent()), as: UTF8.self)
        #expect(
            text == #"{"bool":null,"text":null,"double":null,"float":null,"int":null,"int64":null,"uint8":null,"#
                + #""money":null,"list":null}"#)
    }

    @Test func encodesExtremeNumbers() throws {
        let text = String(decoding: try JSONWriter.bytes(of: [Int64.min, .max]), as: UTF8.self)
        #expect(text == "[-9223372036854775808,9223372036854775807]")
        #expect(String(decoding: try JSONWriter.bytes(of: [0.5, .nan, 1e300]), as: UTF8.self) == "[0.5,null,1e+300]")
    }
}

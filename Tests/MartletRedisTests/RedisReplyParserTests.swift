import MartletTesting
import Testing

@testable import MartletRedis

@Suite struct RedisReplyParserTests {
    private func parse(_ text: String, maximumBytes: Int = 10_000, step: Int = .max) throws -> [RedisValue] {
        let parser = RedisReplyParser(maximumBytes: maximumBytes)
        var values: [RedisValue] = []
        let bytes = Array(text.utf8)
        var position = 0
        while position < bytes.count {
            let end = min(bytes.count, position + min(step, bytes.count))
            try bytes[position..<end].withUnsafeBytes { try parser.feed($0) }
            while let value = try parser.next() { values.append(value) }
            position = end
        }
        return values
    }

    private static let stream =
        "+OK\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n$0\r\n\r\n*-1\r\n*0\r\n-ERR no\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n+y\r\n-WRONG z\r\n"

    private static let values: [RedisValue] = [
        .status("OK"), .integer(-42), .bytes(Array("a\r\nbc".utf8)), .null, .bytes([]), .null, .array([]),
        .error("ERR no"),
        .array([.integer(1), .array([.bytes([UInt8(ascii: "x")]), .status("y")]), .error("WRONG z")]),
    ]

    @Test(arguments: [1, 2, 3, 7, 1000])
    func readsEveryKindOfReplyInAnyPieces(_ step: Int) throws {
        let values = try parse(Self.stream, step: step)
        #expect(values == Self.values)
    }

    @Test func readsManyRepliesWithOneParser() throws {
        let many = String(repeating: Self.stream, count: 500)
        let count = try parse(many, step: 1000).count
        #expect(count == 500 * Self.values.count)
    }

    @Test(arguments: ["x\r\n", "$5\r\n", ":", "*2\r\n:1\r\n", "+never ending"])
    func waitsForTheRestOrRejects(_ text: String) {
        let result = Result { try parse(text) }
        switch result {
        case .success(let values): #expect(values.isEmpty && text != "x\r\n")
        case .failure(let error):
            guard case RedisError.invalidReply = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text == "x\r\n")
        }
    }

    /// Neither the announced nor the actual length may exceed the limit.
    @Test(arguments: [
        "*2000000000\r\n", "*9223372036854775807\r\n", "*-7\r\n", "$20000\r\n" + String(repeating: "x", count: 20_002),
        "*3\r\n*100\r\n", "+" + String(repeating: "x", count: 20_000),
        "*100\r\n" + String(repeating: "$200\r\n" + String(repeating: "y", count: 200) + "\r\n", count: 100),
        String(repeating: "*1\r\n", count: 100),
    ])
    func rejectsOversizedReplies(_ text: String) {
        #expect(throws: RedisError.self) { _ = try parse(text, maximumBytes: 5000, step: 999) }
    }

    /// RESP3 types, which hiredis parses since 1.0, are rejected: the client never requests RESP3.
    @Test(arguments: [",1.5\r\n", "#t\r\n", "*2\r\n:1\r\n,inf\r\n", "*1\r\n#f\r\n"])
    func refusesDoublesAndBooleans(_ text: String) {
        #expect(throws: RedisError.self) { _ = try parse(text) }
    }

    @Test func limitAppliesToEachReply() throws {
        let reply = "$900\r\n" + String(repeating: "x", count: 900) + "\r\n"
        let count = try parse(String(repeating: reply, count: 50), maximumBytes: 1000, step: 64).count
        #expect(count == 50)
    }

    @Test(.seeded) func survivesRandomReplies() {
        var random = SeededRandom()
        let alphabet = Array("*$+-:0123456789\r\n\r\nxy".utf8)
        for _ in 0..<2000 {
            let parser = RedisReplyParser(maximumBytes: 2000)
            for _ in 0..<8 {
                let bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                    alphabet.randomElement(using: &random) ?? 0
                }
                do {
                    try bytes.withUnsafeBytes { try parser.feed($0) }
                    while try parser.next() != nil {}
                } catch {
                    break
                }
            }
        }
    }
}

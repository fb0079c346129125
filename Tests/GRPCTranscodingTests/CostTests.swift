import MartletCore
import Testing

@testable import GRPCTranscoding

/// Long runs of combining marks, for which comparing and hashing Swift strings takes quadratic time.
struct CostTests {
    private static let marks = "a" + String(repeating: "\u{301}\u{316}", count: 120_000)

    @Test func looksUpOnlyPlausibleNames() {
        #expect(ForeignName.isPlausible("page_size"))
        #expect(!ForeignName.isPlausible(Self.marks))
        #expect(!ForeignName.isPlausible("caf\u{e9}"))
        #expect(!ForeignName.isPlausible(String(repeating: "a", count: ForeignName.longest + 1)))
    }

    /// Each input would take minutes if text were normalized.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "color", "bool", "double", "int64", "bytes", "span", "time", "mask", "string", "any", "value",
        ])
    func readingTextsCostsLinearTime(_ field: String) throws {
        let schema = try TestDescriptors.schema()
        let type = try #require(schema.messagesByName["test.Everything"])
        var value = JSONValue.string(Self.marks)
        if field == "any" { value = .object([("@type", .string(Self.marks)), (Self.marks, .null)]) }
        let encoder = MessageEncoder(schema: schema)
        _ = try? encoder.message(.object([(field, value), (Self.marks, .bool(true))]), type)
        let strict = MessageEncoder(schema: schema, ignoresUnknownFields: false)
        do throws(TranscodingError) {
            _ = try strict.message(.object([(Self.marks, .bool(true))]), type)
            Issue.record("an unknown field is taken")
        } catch {
            // The message is shortened too.
            #expect(error.location.joined().utf8.count <= 110)
        }
    }

    /// The cost of a message with many fields is proportional to its contents.
    @Test func messageIsNoLargerThanItsJSON() throws {
        let schema = try TestDescriptors.schema()
        let type = try #require(schema.messagesByName["test.Everything"])
        let words = JSONValue.array([JSONValue](repeating: .string(""), count: 100_000))
        let message = try MessageEncoder(schema: schema).message(.object([("words", words)]), type)
        #expect(message.bytes.count <= 300_000)
    }
}

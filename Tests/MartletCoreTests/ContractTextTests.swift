import MartletCore
import Testing

private struct Article: Decodable, Described {
    let name: String
    let note: String
    let free: String
    let count: Int
    let tags: [String]
    let links: [String: String]
    let parts: [Part]

    struct Part: Decodable, Described {
        let code: String
        static let rules = Rules { Rule(CodingKeys.code, "Its code.", length: 1...8) }
    }

    static let rules = Rules {
        Rule(CodingKeys.name, "Its name.", length: 1...20)
        Rule(CodingKeys.note, "A note.", length: 0...20, default: "")
        Rule(CodingKeys.free, "Anything.", default: "")
        Rule(CodingKeys.count, "How many.", default: 0)
        Rule(CodingKeys.tags, "Tags.", length: 0...3, default: [])
        Rule(CodingKeys.links, "Links.", length: 0...3, default: [:])
        Rule(CodingKeys.parts, "Parts.", default: [])
        Rule(SecretKeys.password, "Written only.", isWriteOnly: true)
        Rule(ShownKeys.createdAt, "Read only.")
    }

    private enum SecretKeys: CodingKey { case password }
    private enum ShownKeys: CodingKey { case createdAt }
}

/// How texts and members of a body are read.
@Suite struct ContractTextTests {
    private func decode(_ json: JSONValue) throws -> Article {
        try InputDecoder.decode(Article.self, from: [.init(body: json)])
    }

    private func problem(_ json: JSONValue) -> Problem? {
        do {
            _ = try decode(json)
            return nil
        } catch {
            return error as? Problem
        }
    }

    private func errors(_ json: JSONValue) -> [String] {
        problem(json)?.errors.map { $0.loc.joined(separator: ".") + " " + $0.code } ?? []
    }

    @Test func normalizesTextsToNFC() throws {
        let article = try decode(["name": "Cafe\u{301}", "links": ["e\u{301}": "u\u{308}"], "tags": ["a\u{30A}"]])
        #expect(article.name.unicodeScalars.elementsEqual("Caf\u{E9}".unicodeScalars))
        #expect(article.links.keys.first?.unicodeScalars.elementsEqual("\u{E9}".unicodeScalars) == true)
        #expect(article.links.values.first?.unicodeScalars.elementsEqual("\u{FC}".unicodeScalars) == true)
        #expect(article.tags[0].unicodeScalars.elementsEqual("\u{E5}".unicodeScalars))
    }

    /// A length counts composed characters: twenty syllables of three letters each are twenty.
    @Test func lengthsApplyToComposedText() {
        #expect(errors(["name": .string(String(repeating: "\u{1112}\u{1161}\u{11AB}", count: 20))]).isEmpty)
        #expect(
            errors(["name": .string(String(repeating: "\u{1112}\u{1161}\u{11AB}", count: 21))])
                == ["body.name too_long"])
    }

    @Test(arguments: [" ", "  ", "\t\n", "\u{3000}", "\u{A0}\u{200B}", "\u{2060}"])
    func refusesBlankTexts(text: String) {
        #expect(errors(["name": .string(text)]) == ["body.name blank"])
        #expect(errors(["name": "a", "note": .string(text)]).isEmpty)
        #expect(errors(["name": ""]) == ["body.name too_short"])
    }

    /// Long texts are rejected by their length in bytes, before any scalar is read.
    @Test func refusesLongTextsBeforeReadingThem() {
        let marks = JSONValue.string("a" + String(repeating: "\u{301}\u{316}", count: 250_000))
        #expect(
            errors(["name": marks, "note": marks, "free": marks]) == [
                "body.name too_long", "body.note too_long", "body.free too_long",
            ])
        let short = JSONValue.string("a" + String(repeating: "\u{301}\u{316}", count: 20))
        #expect(errors(["name": short, "free": short]) == ["body.name invalid_text", "body.free invalid_text"])
        #expect(errors(["name": "a", "links": [String(repeating: "\u{301}", count: 40): "x"]]).count == 1)
    }

    @Test(arguments: [
        ("5.0", 5), ("5e0", 5), ("-0.0", 0), ("0.5e1", 5), ("1.20e2", 120), ("50e-1", 5), ("0e999999", 0),
    ])
    func acceptsIntegersWithZeroDecimals(text: String, value: Int) throws {
        #expect(try decode(["name": "a", "count": .number(text)]).count == value)
    }

    @Test(arguments: [
        ("5.5", "not_an_integer"), ("1e-1", "not_an_integer"), ("9223372036854775808", "out_of_range"),
        ("1e19", "out_of_range"), ("1e999999999999999999999", "out_of_range"), ("-9223372036854775809", "out_of_range"),
        ("1e-999999999999999999999", "not_an_integer"), ("9223372036854775807.5", "not_an_integer"),
    ])
    func rejectsNonIntegers(text: String, code: String) {
        #expect(errors(["name": "a", "count": .number(text)]) == ["body.count \(code)"])
    }

    @Test func readsTheLargestIntegersExactly() throws {
        for text in ["9223372036854775807", "9223372036854775807.0", "-9223372036854775808", "-922337203685477580.8e1"]
        {
            let value = try Int64(reading: .json(.number(text)))
            #expect(value == (text.hasPrefix("-") ? .min : .max), "\(text)")
        }
        // In a path or query a number has one spelling.
        #expect(throws: ScalarIssue.self) { try Int64(reading: .text("5.0")) }
        #expect(throws: ScalarIssue.self) { try Int64(reading: .text("5e0")) }
    }

    @Test func refusesUnknownMembersByName() {
        let found = problem(["name": "a", "nme": 1, "zzz": 2, "parts": [["code": "x", "cod": 1]]])
        #expect(
            Set(found?.errors.map { $0.loc.joined(separator: ".") + " " + $0.code } ?? []) == [
                "body.nme unknown_member", "body.zzz unknown_member", "body.parts.0.cod unknown_member",
            ])
        #expect(
            found?.errors.first { $0.loc == ["body", "nme"] }?.message
                == "Unknown field 'nme'. Did you mean 'name'?")
        #expect(
            found?.errors.first { $0.loc == ["body", "zzz"] }?.message
                == "Unknown field 'zzz'. Expected one of count, free, links, name, note, parts, tags.")
    }

    /// What was read can be sent back; a secret that is not taken here is told.
    @Test func ignoresReadOnlyMembers() {
        #expect(errors(["name": "a", "created_at": "x", "id": 1, "updated_at": "y"]).isEmpty)
        #expect(errors(["name": "a", "password": "x"]) == ["body.password unknown_member"])
    }

    @Test func listsTwentyErrorsAndCountsTheRest() {
        let unknown = (0..<9000).map { ("unknown\($0)", JSONValue.null) }
        let found = problem(.object([("name", "a")] + unknown))
        #expect(found?.errors.count == 20 && found?.moreErrors == 8980)
        #expect(found?.detail == "9000 fields are invalid. The first 20 are listed.")
        #expect(found.map { $0.json(instance: nil, requestID: nil).count < 8000 } == true)
        let json = found.flatMap { try? JSONValue(parsing: $0.json(instance: nil, requestID: nil)) }
        #expect(json?["more_errors"] == 8980)
    }

    /// Of a list or map with too many entries none is read.
    @Test func stopsReadingAtTheMaximumOfEntries() {
        let many = (0..<9000).map { ("n\($0)", JSONValue.number("1")) }
        #expect(errors(["name": "a", "links": .object(many)]) == ["body.links too_long"])
        #expect(errors(["name": "a", "tags": .array(many.map(\.1))]) == ["body.tags too_long"])
    }

    @Test func truncatesReportedNames() {
        let name = String(repeating: "\u{301}", count: 128)
        let found = problem(["name": "a", name: 1])
        #expect(found?.errors.allSatisfy { $0.loc.allSatisfy { $0.utf8.count <= 104 } } == true)
        #expect(found?.errors.allSatisfy { $0.message.utf8.count < 300 } == true)
    }
}

@Suite struct TimestampReadingTests {
    @Test(arguments: [
        ("2026-11-27T00:00:00+08:00", "2026-11-26T16:00:00.000000Z"),
        ("2026-11-27T00:00:00 08:00", "2026-11-26T16:00:00.000000Z"),
        ("2026-11-27T00:00+08", "2026-11-26T16:00:00.000000Z"),
        ("2026-11-27 00:00:00 0800", "2026-11-26T16:00:00.000000Z"),
        ("2026-11-27T00:00-03:30", "2026-11-27T03:30:00.000000Z"),
        ("2026-11-27", "2026-11-27T00:00:00.000000Z"), ("2026-11-27T08:30", "2026-11-27T08:30:00.000000Z"),
        ("2026-11-27T08:30:15.5", "2026-11-27T08:30:15.500000Z"), ("2026-11-27t08:30z", "2026-11-27T08:30:00.000000Z"),
    ])
    func readsCommonTimeFormats(text: String, expected: String) throws {
        #expect(try Timestamp(reading: .text(text)).description == expected)
    }

    /// Only in a query does `+` mean a space.
    @Test func blankIsNotAPlusInABody() throws {
        #expect(throws: ScalarIssue.self) { try Timestamp(reading: .json("2026-11-27T00:00:00 08:00")) }
        #expect(
            try Timestamp(reading: .json("2026-11-27T00:00:00+08:00")).description == "2026-11-26T16:00:00.000000Z")
    }

    @Test(arguments: [
        "", "2026", "2026-11", "2026-13-01", "2026-11-27T", "2026-11-27T24:00", "2026-11-27T08", "2026-11-27T08:60",
        "2026-11-27T08:30:15.", "2026-11-27T08:30+8", "2026-11-27T08:30+08:0", "2026-11-27T08:30+24:00",
        "2026-11-27 ", "2026-11-27T08:30  08:00", "yesterday", "1764201600", "2026-11-27T08:30:00Z ",
        "2026-11-27T08:30:00." + String(repeating: "0", count: 100),
    ])
    func rejectsInvalidTimestamps(text: String) {
        let issue = #expect(throws: ScalarIssue.self) { try Timestamp(reading: .text(text)) }
        #expect(issue?.message.contains("2026-01-31") == true)
    }
}

import MartletCore
import Testing

private enum Size: String, CaseIterable, Scalar {
    case small, large
    static let placeholder = Size.small
}

private struct Order: Decodable, Described, Equatable {
    let customerName: String
    let lines: [Line]
    let total: Money
    let size: Size
    let note: String?
    let count: Int
    let links: [String: String]

    struct Line: Decodable, Described, Equatable {
        let sku: String
        let quantity: Int

        static let rules = Rules {
            Rule(CodingKeys.sku, "The product.", length: 1...8)
            Rule(CodingKeys.quantity, "How many.", minimum: 1, maximum: 99, default: 1)
        }
    }

    static let rules = Rules {
        Rule(CodingKeys.customerName, "Who orders.", length: 1...20)
        Rule(CodingKeys.lines, "What.", length: 1...3)
        Rule(CodingKeys.count, "How often.", minimum: 0, default: 1)
        Rule(CodingKeys.links, "Where.", length: 0...2)
    }
}

@Suite struct InputDecoderTests {
    private func decode(_ json: String, isPartial: Bool = false) throws -> Order {
        try InputDecoder.decode(Order.self, from: [.init(body: JSONValue(parsing: json.utf8))], isPartial: isPartial)
    }

    private func errors(_ json: String, isPartial: Bool = false) -> [String] {
        do {
            _ = try decode(json, isPartial: isPartial)
            return []
        } catch let problem as Problem {
            return problem.errors.map { $0.loc.joined(separator: ".") + " " + $0.code }
        } catch {
            return ["\(error)"]
        }
    }

    @Test func decodesWithDefaults() throws {
        let order = try decode(
            #"{"customer_name":"Ann","lines":[{"sku":"A"}],"total":"1.50","size":"large","links":{"gitHub":"x"}}"#
        )
        #expect(order.lines == [.init(sku: "A", quantity: 1)])
        #expect(order.total.minorUnits == 150)
        #expect(order.count == 1 && order.note == nil && order.size == .large && order.links == ["gitHub": "x"])
    }

    @Test func reportsEveryInvalidFieldAtOnce() {
        let json = """
            {"customer_name":"","lines":[{"sku":5,"quantity":0},{"quantity":100},7],"total":-1,"size":"huge","note":1,
             "count":9223372036854775808,"links":{"a":1}}
            """
        #expect(
            errors(json) == [
                "body.customer_name too_short", "body.lines.0.sku not_a_string", "body.lines.0.quantity too_small",
                "body.lines.1.sku required", "body.lines.1.quantity too_large", "body.lines.2 not_an_object",
                "body.total too_small", "body.size invalid_choice", "body.note not_a_string", "body.count out_of_range",
                "body.links.a not_a_string",
            ])
    }

    @Test func reportsMissingFields() {
        #expect(
            errors("{}") == [
                "body.customer_name required", "body.lines required", "body.total required", "body.size required",
                "body.links required",
            ])
    }

    @Test func nullIsOnlyForOptionalFields() {
        #expect(
            errors(
                #"{"customer_name":null,"lines":null,"total":null,"size":null,"note":null,"count":null,"links":null}"#)
                == [
                    "body.customer_name null_not_allowed", "body.lines not_an_array", "body.total null_not_allowed",
                    "body.size null_not_allowed", "body.count null_not_allowed", "body.links not_an_object",
                ])
    }

    @Test func lengthsApplyToListsAndMaps() {
        let tooMany = #"{"customer_name":"A","lines":[],"total":1,"size":"small","links":{"a":"","b":"","c":""}}"#
        #expect(errors(tooMany) == ["body.lines too_short", "body.links too_long"])
    }

    @Test func partialBodyCanOmitFields() {
        #expect(errors(#"{"customer_name":""}"#, isPartial: true) == ["body.customer_name too_short"])
        #expect(errors("{}", isPartial: true).isEmpty)
    }

    @Test(arguments: ["\\u0000", "a\\u0007b", "\\u007f"])
    func refusesControlCharacters(escape: String) {
        #expect(
            errors("{\"customer_name\":\"\(escape)\"}", isPartial: true) == ["body.customer_name invalid_character"])
    }

    @Test(arguments: ["1", "true", "\"x\"", "null", "[]"])
    func bodyMustBeAnObject(json: String) {
        #expect(errors(json) == ["body not_an_object"])
    }

    @Test func readsTextsByType() throws {
        struct Query: Decodable {
            let id: ID<Order>
            let flag: Bool
            let since: Timestamp?
        }
        let query = try InputDecoder.decode(
            Query.self,
            from: [.init(place: "query", texts: ["id": "7", "flag": "true", "since": "2026-01-01T00:00:00Z"])])
        #expect(query.id == ID(7) && query.flag && query.since != nil)
        #expect(throws: Problem.self) {
            try InputDecoder.decode(Query.self, from: [.init(place: "query", texts: ["id": "0", "flag": "maybe"])])
        }
    }
}

@Suite struct SchemaTests {
    @Test func schemaIsFoundByRunningTheDecoder() throws {
        guard case .object(let schema) = Schema.of(Order.self) else {
            Issue.record("an object is expected")
            return
        }
        #expect(schema.name == "Order")
        #expect(
            schema.fields.map(\.name) == ["customer_name", "lines", "total", "size", "note", "count", "links"])
        #expect(schema.fields.filter(\.isOptional).map(\.name) == ["note"])
        #expect(schema.fields[0].rule?.documentation == "Who orders.")
        guard case .array(.object(let line)) = schema.fields[1].schema, case .map(.scalar) = schema.fields[6].schema,
            case .scalar(let size) = schema.fields[3].schema
        else {
            Issue.record("a list of objects, a map and a choice are expected")
            return
        }
        #expect(line.fields.map(\.name) == ["sku", "quantity"])
        #expect(size.scalarSchema.choices == ["small", "large"])
    }

    @Test func genericTypesHaveValidNames() {
        guard case .object(let schema) = Schema.of(Page<Int>.self) else {
            Issue.record("an object is expected")
            return
        }
        #expect(schema.name == "IntPage")
    }
}

@Suite struct FormatTests {
    @Test(arguments: ["a@b.co", "ä.ö@exämple.de", "first+tag@sub.example.org", "用户@例子.公司"])
    func acceptsAddresses(text: String) { #expect(Format.email.accepts(text)) }

    @Test(arguments: [
        "", "a", "a@b", "@b.co", "a@", "a@b..co", "a b@c.de", "a@@b.co", ".a@b.co", "a.@b.co", "a@-b.co", "<a@b.co>",
        "a@b.co\n",
    ])
    func rejectsInvalidAddresses(text: String) { #expect(!Format.email.accepts(text)) }

    @Test(arguments: [
        "javascript:alert(1)", "https://", "http:// x", "ftp://a.b", "//a.b", "https://a b", "data:text/html,x",
    ])
    func refusesLinksThatAreNotWebPages(text: String) { #expect(!Format.webURL.accepts(text)) }

    @Test(arguments: ["", "https://example.org/a?b=c#d", "http://localhost:8080", "HTTPS://EXAMPLE.ORG"])
    func acceptsWebPages(text: String) { #expect(Format.webURL.accepts(text)) }
}

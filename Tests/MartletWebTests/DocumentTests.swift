import Logging
import MartletCore
import MartletData
import MartletTelemetry
import Testing

@testable import MartletWeb

private struct Address: Codable, Sendable, Described {
    let street: String
    let since: CivilDate?
    static let rules = Rules { Rule(CodingKeys.street, "The street.", length: 1...50, default: "Main") }
}

private struct Person: Model, Output, Versioned {
    let id: ID<Person>
    let name: String
    let age: Int
    let address: Address
    let tags: [Address]
    let links: [String: String]
    let updatedAt: Timestamp

    static let table = "people"
    static let rules = Rules {
        Rule(CodingKeys.name, "The name.", length: 1...20, list: [.search, .filter, .order])
        Rule(CodingKeys.age, "The age.", minimum: 0, default: 18)
        Rule(CodingKeys.address, "Where they live.", default: [:])
        Rule(CodingKeys.tags, "Other places.", length: 0...5, default: [])
        Rule(CodingKeys.links, "Pages.", length: 0...5, default: [:])
    }
}

private struct PersonInput: Input, Encodable {
    let name: String
    let age: Int
    let address: Address
    let tags: [Address]
    let links: [String: String]
    static let rules = Person.rules
}

private struct Ping: Input {
    let text: String
    static let rules = Rules { Rule(CodingKeys.text, "Said.", default: "") }
}

@Suite struct DocumentTests {
    private static let routes = Group("/api/people", tag: "People") {
        Get { (_: Context, _: ListQuery<Person>) async throws -> NoContent in NoContent() }.public
        Post { (_: Context, input: PersonInput) async throws -> Created<Person> in throw Problem.internal }
            .requires("people.add_person")
        Post("ping") { (_: Context, _: Ping) async throws -> NoContent in NoContent() }.public
        Get("{id}") { (_: Context, _: ID<Person>) async throws -> Person in throw Problem.internal }.public
        Patch("{id}") { (_: Context, _: ID<Person>, _: MergePatch<PersonInput>) async throws -> Person in
            throw Problem.internal
        }.signedIn
        Delete("{id}") { (_: Context, _: ID<Person>) async throws -> NoContent in NoContent() }.signedIn
    }

    private let document = OpenAPI.document(title: "Martlet people", summary: "", version: "1", routes: routes)

    private func operation(_ path: String, _ method: String) -> JSONValue { document["paths"]?[path]?[method] ?? .null }

    private func resolved(_ value: JSONValue?) -> JSONValue {
        guard let reference = value?["$ref"]?.stringValue else { return value ?? .null }
        return reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] ?? .null }
    }

    private func body(_ path: String, _ method: String) -> JSONValue? {
        operation(path, method)["requestBody"]?["content"]?["application/json"]?["schema"]
    }

    private func names(_ value: JSONValue, into found: inout Set<String>) {
        switch value {
        case .array(let elements): for element in elements { names(element, into: &found) }
        case .object(let members):
            for (name, member) in members {
                found.insert(name)
                names(name == "$ref" ? resolved(value) : member, into: &found)
            }
        default: break
        }
    }

    /// Absent members of a merge patch are left unchanged (RFC 7396), which a default would contradict.
    @Test func mergePatchHasNoDefaults() {
        let patch = resolved(body("/api/people/{id}", "patch"))
        #expect(patch["required"] == nil && patch["properties"]?["name"]?["default"] == nil)
        let address = resolved(patch["properties"]?["address"])
        #expect(address["required"] == nil && address["properties"]?["street"]?["default"] == nil)
        #expect(patch["properties"]?["links"]?["additionalProperties"]?["type"] == ["string", "null"])
        var found: Set<String> = []
        names(patch["properties"]?["address"] ?? .null, into: &found)
        #expect(found.contains("street") && !found.contains("default"))
        #expect(patch["properties"]?["age"]?["minimum"] == 0)
        // A list is replaced as a whole, so its elements must be complete.
        #expect(
            patch["properties"]?["tags"]?["items"]?["$ref"] == "#/components/schemas/AddressInput",
            "\(String(decoding: patch.bytes, as: UTF8.self))")
        #expect(resolved(["$ref": "#/components/schemas/AddressInput"])["properties"]?["street"]?["default"] == "Main")
    }

    @Test func bodiesAreNamedAndMarkedAsRequired() {
        #expect(body("/api/people", "post") == ["$ref": "#/components/schemas/PersonInput"])
        #expect(body("/api/people/{id}", "patch") == ["$ref": "#/components/schemas/PersonInputPatch"])
        #expect(operation("/api/people", "post")["requestBody"]?["required"] == true)
        #expect(operation("/api/people/ping", "post")["requestBody"]?["required"] == false)
        let input = resolved(body("/api/people", "post"))
        #expect(input["additionalProperties"] == false && input["required"] == ["name"])
        #expect(input["properties"]?["name"]?["minLength"] == 1 && input["properties"]?["name"]?["pattern"] == "\\S")
        let person = resolved(["$ref": "#/components/schemas/Person"])
        #expect(person["required"]?.arrayValue?.count == 7 && person["additionalProperties"] == nil)
        #expect(resolved(person["properties"]?["address"])["required"] == ["street", "since"])
    }

    @Test func listsDeclareTheirBounds() {
        let parameters = operation("/api/people", "get")["parameters"]?.arrayValue ?? []
        func schema(_ name: String) -> JSONValue? { parameters.first { $0["name"]?.stringValue == name }?["schema"] }
        #expect(
            schema("skip") == [
                "type": "integer", "format": "int64", "minimum": 0, "maximum": 9_223_372_036_854_775_807, "default": 0,
            ])
        #expect(
            schema("limit")?["minimum"] == 1 && schema("limit")?["maximum"] == 100 && schema("limit")?["default"] == 20)
        #expect(schema("page")?["minimum"] == 1 && schema("page_size")?["maximum"] == 100)
        #expect(schema("search")?["maxLength"] == 200)
    }

    @Test func documentsVersionsAndAnswers() {
        func header(_ path: String, _ method: String) -> JSONValue? {
            operation(path, method)["parameters"]?.arrayValue?.first { $0["in"] == "header" }?["name"]
        }
        #expect(header("/api/people/{id}", "get") == "If-None-Match")
        #expect(header("/api/people/{id}", "patch") == "If-Match" && header("/api/people/{id}", "delete") == "If-Match")
        #expect(header("/api/people", "post") == nil)
        let created = operation("/api/people", "post")["responses"]
        #expect(created?["201"]?["headers"]?.objectValue?.map(\.0) == ["ETag", "Location"])
        let codes = Set(created?.objectValue?.map(\.0) ?? [])
        #expect(codes == ["201", "400", "401", "403", "409", "413", "415", "422", "429", "503", "default"])
        let read = Set(operation("/api/people/{id}", "get")["responses"]?.objectValue?.map(\.0) ?? [])
        #expect(read == ["200", "304", "400", "404", "422", "429", "503", "default"])
        let limited = resolved(created?["429"])
        #expect(resolved(limited["headers"]?["Retry-After"])["schema"]?["type"] == "integer")
        #expect(resolved(resolved(created?["201"]?["headers"]?["ETag"]))["required"] == true)
    }

    /// Different schemas with the same name are renamed, together with their references.
    @Test func schemasOfOneNameDoNotCollide() {
        let operation: JSONValue = [
            "schema": ["$ref": "#/components/schemas/Order"], "x": ["$ref": "#/components/schemas/Same"],
        ]
        func service(_ title: String, _ schemas: JSONValue) -> JSONValue {
            [
                "info": ["title": .string(title)],
                "paths": .object([("/\(title)", ["get": operation])]),
                "components": ["schemas": schemas],
            ]
        }
        let first = service(
            "Martlet shop",
            [
                "Item": ["type": "string"], "Order": ["items": ["$ref": "#/components/schemas/Item"]],
                "Same": ["type": "integer"],
            ])
        let second = service(
            "Martlet kitchen",
            [
                "Item": ["type": "number"], "Order": ["items": ["$ref": "#/components/schemas/Item"]],
                "Same": ["type": "integer"],
            ])
        let merged = OpenAPI.merged(title: "Martlet", version: "1", [first, second])
        let schemas = merged["components"]?["schemas"]
        #expect(
            Set(schemas?.objectValue?.map(\.0) ?? []) == ["Item", "Order", "Same", "Kitchen_Item", "Kitchen_Order"])
        #expect(schemas?["Kitchen_Item"] == ["type": "number"] && schemas?["Item"] == ["type": "string"])
        #expect(schemas?["Kitchen_Order"] == ["items": ["$ref": "#/components/schemas/Kitchen_Item"]])
        #expect(
            merged["paths"]?["/Martlet kitchen"]?["get"] == [
                "schema": ["$ref": "#/components/schemas/Kitchen_Order"], "x": ["$ref": "#/components/schemas/Same"],
            ])
        #expect(
            merged["paths"]?["/Martlet shop"]?["get"]?["schema"] == ["$ref": "#/components/schemas/Order"])
    }
}

@Suite struct MergePatchTests {
    @Test func mergesAsInRFC7396() {
        let target: JSONValue = ["a": "b", "c": ["d": "e", "f": "g"], "l": [1, 2]]
        let patch: JSONValue = ["a": "z", "c": ["f": nil, "n": 1], "l": [3], "new": ["x": 1]]
        let merged: JSONValue = [
            "a": "z", "c": ["d": "e", "f": nil, "n": 1], "l": [3], "new": ["x": 1],
        ]
        #expect(MergePatch<PersonInput>.merge(target, patch) == merged)
    }

    /// Each member is visited once, so merging a hundred thousand of them is fast.
    @Test(.timeLimit(.minutes(1))) func mergesManyMembersLinearly() {
        let many = (0..<100_000).map { ("n\($0)", JSONValue.number("\($0)")) }
        let merged = MergePatch<PersonInput>.merge(.object(many), .object(many.reversed() + [("new", 1)]))
        #expect(merged.objectValue?.count == 100_001)
    }
}

@Suite struct QueryStringTests {
    private func problem(_ text: String) -> Problem? {
        do throws(Problem) {
            _ = try QueryString.parse(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func readsNamesAndValuesInTheirOrder() throws {
        let pairs = try QueryString.parse("a=1&&b=x+y%2B&c&d==&=e")
        #expect(pairs.map(\.name) == ["a", "b", "c", "d", ""])
        #expect(pairs.map(\.value) == ["1", "x y+", "", "=", "e"])
    }

    @Test func limitsParametersAndNames() {
        #expect(problem(Array(repeating: "a", count: 100).joined(separator: "&")) == nil)
        let many = problem(Array(repeating: "a", count: 50_000).joined(separator: "&"))
        #expect(many?.errors.map(\.code) == ["too_many_parameters"])
        let long = problem(String(repeating: "%CC%81", count: 10_000) + "=1")
        #expect(long?.errors.map(\.code) == ["unknown_parameter"])
        #expect(long.map { $0.json(instance: nil, requestID: nil).count < 500 } == true)
    }

    @Test func explainsHowToEncodeAPercentSign() {
        #expect(problem("q=100%")?.detail?.contains("%25") == true)
        #expect(problem("q=%FF")?.code == "malformed_url")
    }
}

@Suite struct HeaderTextTests {
    @Test func splitsAndTrimsByBytes() {
        #expect(
            HeaderText.parts(" \"a\" ,\t\"b\",, c d ", separatedBy: ",")
                == ["\"a\"", "\"b\"", "", "c d"].filter { !$0.isEmpty })
        #expect(HeaderText.parts("", separatedBy: ",").isEmpty)
        #expect(HeaderText.pair("a=b=c").map { [$0.name, $0.value] } == ["a", "b=c"])
        #expect(HeaderText.pair("a") == nil)
        #expect(HeaderText.lowercased("BeaRer Ä") == "bearer Ä")
    }

    /// A header field of combining marks is one character, but is processed as bytes.
    @Test(.timeLimit(.minutes(1))) func readsFieldsOfCombiningMarks() {
        let marks = "a" + String(repeating: "\u{301}\u{316}", count: 200_000)
        let context = Context(
            requestID: "x", trace: .make(), logger: .init(label: "test"), cookies: "\(marks)=1; name=value; \(marks)")
        #expect(context.cookie("name") == "value")
        #expect(context.cookie("other") == nil)
        let precondition = Precondition(ifMatch: marks + ",\"x\"")
        #expect(throws: Problem.self) { try precondition.require(Resource()) }
        #expect(HeaderText.parts(marks, separatedBy: ";").count == 1)
    }

    private struct Resource: Versioned {
        let updatedAt = Timestamp(microseconds: 0)
    }
}

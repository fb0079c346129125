import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

/// Receives notifications whose signature covers the exact bytes.
private struct Hooks: Service {
    static let name = "hooks"
    static let summary = "Webhooks for tests."
    static let prefixes = ["/api/hooks"]
    static let migrations: [Migration] = []

    struct Signature: Input {
        let provider: String
        let signature: String
        let sentAt: Int
        let attempt: Int?

        static let rules = Rules {
            Rule(CodingKeys.signature, "The signature of the body.", length: 1...20, header: "Webhook-Signature")
            Rule(CodingKeys.sentAt, "When it was sent.", minimum: 1, header: "Webhook-Timestamp")
            Rule(CodingKeys.attempt, "How often it was sent before.", header: "Webhook-Attempt")
        }
    }

    struct Note: Input {
        let text: String
        let origin: String
        static let rules = Rules {
            Rule(CodingKeys.text, "The text.")
            Rule(CodingKeys.origin, "Where it comes from.", default: "nowhere", header: "X-Origin")
        }
    }

    struct Search: Input {
        let term: String?
        let language: String?
        static let rules = Rules { Rule(CodingKeys.language, "The language.", header: "Accept-Language") }
    }

    struct Seen: Output, Codable {
        let text: String
        let count: Int
        let type: String?
        let cookie: String?
    }

    init(_ platform: Platform, settings: NoSettings) {}

    var routes: [Route] {
        Group("/api/hooks", tag: "Hooks") {
            Post("{provider}", use: receive).public.rawBody(upTo: 64, type: "application/json")
            Post("any", use: any).public
            Post("notes", use: note).public
            Get("search", use: search).public
        }
    }

    @Sendable func receive(_ context: Context, _ signature: Signature, _ body: RawBody) -> Seen {
        Seen(
            text: [
                signature.provider, signature.signature, "\(signature.sentAt)", "\(signature.attempt ?? 0)",
                Hexadecimal.text(body.bytes),
            ].joined(separator: " "),
            count: body.bytes.count, type: body.contentType, cookie: context.cookie("session"))
    }

    @Sendable func any(_ context: Context, _ body: RawBody) -> Seen {
        Seen(text: "", count: body.bytes.count, type: body.contentType, cookie: nil)
    }

    @Sendable func note(_ context: Context, _ note: Note) -> Seen {
        Seen(text: "\(note.text) from \(note.origin)", count: 0, type: nil, cookie: context.cookie("session"))
    }

    @Sendable func search(_ context: Context, _ search: Search) -> Seen {
        Seen(text: "\(search.term ?? "-") \(search.language ?? "-")", count: 0, type: nil, cookie: nil)
    }
}

@Suite struct RawInputTests {
    private func run(_ body: @Sendable (RunningService) async throws -> Void) async throws {
        try await RunningService.run(Hooks.self, on: .sqlite, body)
    }

    private let signed = ["webhook-signature": "v1,abc", "webhook-timestamp": "12"]

    @Test func handlersGetTheExactBytesAndHeaders() async throws {
        try await run { service in
            // Not JSON, not UTF-8, with a space that a parser would drop.
            let bytes: [UInt8] = [0x20, 0x7B, 0x00, 0xFF, 0x0A]
            let answer = try await service.send(
                "POST", "/api/hooks/acme", bytes: bytes,
                headers: signed.merging(["content-type": "text/x-odd; a=b", "webhook-attempt": "3"]) { $1 })
            #expect(answer.status == 200)
            #expect(answer.json["text"] == "acme v1,abc 12 3 207b00ff0a")
            #expect(answer.json["type"] == "text/x-odd; a=b")
            let empty = try await service.send("POST", "/api/hooks/acme", headers: signed)
            #expect(empty.json["count"] == 0 && empty.json["text"] == "acme v1,abc 12 0 ")
        }
    }

    /// Forms of other sites can send any bytes, with the user's cookies.
    @Test func handlersOfRawBodiesGetNoCookies() async throws {
        try await run { service in
            let form = ["content-type": "text/plain", "cookie": "session=s1"]
            let raw = try await service.send("POST", "/api/hooks/acme", "x", headers: signed.merging(form) { $1 })
            #expect(raw.status == 200 && raw.json["cookie"] == .null)
            let json = try await service.send(
                "POST", "/api/hooks/notes", #"{"text":"a"}"#, headers: ["cookie": "session=s1"])
            #expect(json.json["cookie"] == "s1")
            #expect(try await service.send("POST", "/api/hooks/notes", #"{"text":"a"}"#, headers: form).status == 415)
        }
    }

    @Test func everyRouteHasItsOwnMaximumLength() async throws {
        try await run { service in
            let long = [UInt8](repeating: 0x61, count: 65)
            let fits = try await service.send("POST", "/api/hooks/acme", bytes: Array(long.dropLast()), headers: signed)
            #expect(fits.json["count"] == 64)
            let tooLong = try await service.send("POST", "/api/hooks/acme", bytes: long, headers: signed)
            #expect(tooLong.status == 413 && tooLong.json["code"] == "content_too_large")
            #expect(tooLong.json["detail"] == "The body must be at most 64 bytes.")
            let megabyte = [UInt8](repeating: 0x61, count: 1024 * 1024)
            #expect(try await service.send("POST", "/api/hooks/any", bytes: megabyte).json["count"] == 1_048_576)
            #expect(try await service.send("POST", "/api/hooks/any", bytes: megabyte + [0]).status == 413)
        }
    }

    @Test func reportsEveryInvalidHeaderField() async throws {
        try await run { service in
            let missing = try await service.send("POST", "/api/hooks/acme", "{}")
            #expect(missing.status == 422)
            #expect(
                missing.fieldErrors == ["header.Webhook-Signature required", "header.Webhook-Timestamp required"])
            let invalid = try await service.send(
                "POST", "/api/hooks/acme", "{}",
                headers: [
                    "webhook-signature": String(repeating: "a", count: 21), "webhook-timestamp": "0",
                    "webhook-attempt": "many",
                ])
            #expect(
                invalid.fieldErrors == [
                    "header.Webhook-Signature too_long", "header.Webhook-Timestamp too_small",
                    "header.Webhook-Attempt not_an_integer",
                ])
            #expect(invalid.json["errors"]?.arrayValue?[1]["params"]?["min"] == "1")
        }
    }

    @Test func headerFieldsComeFromNowhereElse() async throws {
        try await run { service in
            let header = try await service.send(
                "POST", "/api/hooks/notes", #"{"text":"a"}"#, headers: ["x-origin": "Rome"])
            #expect(header.json["text"] == "a from Rome")
            #expect(
                try await service.send("POST", "/api/hooks/notes", #"{"text":"a"}"#).json["text"] == "a from nowhere")
            let body = try await service.send("POST", "/api/hooks/notes", #"{"text":"a","origin":"Rome"}"#)
            #expect(body.fieldErrors == ["body.origin unknown_member"])
            let query = try await service.send("GET", "/api/hooks/search?language=en")
            #expect(query.fieldErrors == ["query.language unknown_parameter"])
            let search = try await service.send("GET", "/api/hooks/search?term=x", headers: ["accept-language": "zh"])
            #expect(search.json["text"] == "x zh")
            #expect(try await service.send("GET", "/api/hooks/search").json["text"] == "- -")
        }
    }

    /// A proxy could have checked the other one.
    @Test func refusesHeaderFieldsThatAreGivenTwice() async throws {
        try await run { service in
            let answer = try await service.send(
                "POST", "/api/hooks/acme", "{}", headers: signed.merging(["Webhook-Signature": "v1,def"]) { $1 })
            #expect(answer.status == 422)
            #expect(answer.fieldErrors == ["header.Webhook-Signature duplicate_parameter"])
        }
    }

    @Test func theDocumentHasHeadersAndMediaType() async throws {
        try await run { service in
            let document = try await service.send("GET", "/openapi.json").json
            let operation = document["paths"]?["/api/hooks/{provider}"]?["post"]
            let parameters = operation?["parameters"]?.arrayValue ?? []
            func parameter(_ name: String) -> JSONValue? { parameters.first { $0["name"]?.stringValue == name } }
            #expect(parameter("provider")?["in"] == "path")
            #expect(parameter("Webhook-Signature")?["in"] == "header")
            #expect(parameter("Webhook-Signature")?["required"] == true)
            #expect(parameter("Webhook-Signature")?["schema"]?["maxLength"] == 20)
            #expect(parameter("Webhook-Attempt")?["required"] == false)
            #expect(operation?["requestBody"]?["content"]?["application/json"] == JSONValue.object([]))
            #expect(operation?["requestBody"]?["description"] == "At most 64 bytes.")
            let responses = operation?["responses"]
            #expect(responses?["413"] != nil && responses?["422"] != nil && responses?["415"] == nil)
            let any = document["paths"]?["/api/hooks/any"]?["post"]
            #expect(any?["requestBody"]?["content"]?["application/octet-stream"] == JSONValue.object([]))
            let note = document["components"]?["schemas"]?["Note"]
            #expect(note?["properties"]?["text"] != nil && note?["properties"]?["origin"] == nil)
        }
    }
}

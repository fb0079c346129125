import Foundation
import MartletCore
import Testing

/// Sends invalid bodies to every operation in the document, as the administrator. The response is a 4xx that reports
/// the error, never a crash or a 5xx.
@Suite(.inTurn) struct BadBodyTests {
    /// Bodies that are not JSON.
    static let malformed: [(String, [UInt8])] = [
        ("a brace", Array("{".utf8)), ("a quote", Array("\"".utf8)), ("no quotes", Array("{name: 1}".utf8)),
        ("single quotes", Array("{'name': 1}".utf8)), ("a comma too many", Array(#"{"name": 1,}"#.utf8)),
        ("two values", Array("{}{}".utf8)), ("something behind", Array("{} x".utf8)),
        ("a comment", Array("{/* x */}".utf8)), ("NaN", Array(#"{"price": NaN}"#.utf8)),
        ("Infinity", Array(#"{"price": -Infinity}"#.utf8)), ("a leading zero", Array(#"{"price": 01}"#.utf8)),
        ("a plus", Array(#"{"price": +1}"#.utf8)), ("a bare point", Array(#"{"price": 1.}"#.utf8)),
        ("a bare exponent", Array(#"{"price": 1e}"#.utf8)), ("a bare minus", Array(#"{"price": -}"#.utf8)),
        ("half a literal", Array("tru".utf8)), ("duplicate keys", Array(#"{"name":"a","name":"b"}"#.utf8)),
        ("escaped duplicate keys", Array(#"{"name":"a","\u006eame":"b"}"#.utf8)),
        ("a lone surrogate", Array(#"{"name":"\ud800"}"#.utf8)),
        ("surrogates the wrong way", Array(#"{"name":"\udc00\ud800"}"#.utf8)),
        ("a bad escape", Array(#"{"name":"\x41"}"#.utf8)), ("a short escape", Array(#"{"name":"\u00"}"#.utf8)),
        ("a line end in a string", Array("{\"name\":\"a\nb\"}".utf8)),
        ("a NUL in a string", Array("{\"name\":\"a\0b\"}".utf8)),
        ("NULs", [0, 0, 0]), ("invalid UTF-8", Array(#"{"name":""#.utf8) + [0xC3, 0x28] + Array("\"}".utf8)),
        ("an overlong form", Array(#"{"name":""#.utf8) + [0xC0, 0xAF] + Array("\"}".utf8)),
        ("a UTF-8 surrogate", Array(#"{"name":""#.utf8) + [0xED, 0xA0, 0x80] + Array("\"}".utf8)),
        ("half a character", Array(#"{"name":""#.utf8) + [0xF0, 0x9F]),
        ("UTF-16", [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00]), ("white space", Array("  \r\n\t".utf8)),
        ("a form", Array("name=a&price=1".utf8)), ("XML", Array("<product/>".utf8)),
        ("100,000 arrays", [UInt8](repeating: UInt8(ascii: "["), count: 100_000)),
        ("100,000 objects", Array(String(repeating: #"{"a":"#, count: 100_000).utf8)),
        (
            "deep and closed",
            Array((String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000)).utf8)
        ),
    ]

    private func forEachBody(
        _ deployment: Deployment, _ body: (APIDocument.Operation, API) async throws -> Void
    ) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for operation in try await APIDocument.read(api).operations where operation.takesBody {
            try await body(operation, api)
        }
        #expect(try await api.get("/health/live").status == 200)
        #expect(try await api.get("/health/ready").status == 200)
    }

    @Test(arguments: Deployment.allCases)
    func rejectsInvalidJSON(_ deployment: Deployment) async throws {
        try await forEachBody(deployment) { operation, api in
            for (name, bytes) in Self.malformed {
                let answer = try await api.send(operation.method, operation.path(), body: bytes)
                expectProblem(
                    answer, 400, code: "malformed_json", instance: operation.path(),
                    sent: "\(operation.method) \(operation.template): \(name)")
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func rejectsJSONThatIsNotAnObject(_ deployment: Deployment) async throws {
        try await forEachBody(deployment) { operation, api in
            for text in ["[]", "[{}]", "null", "true", "5", "\"text\"", "1e999"] {
                let answer = try await api.send(operation.method, operation.path(), body: Array(text.utf8))
                let sent = "\(operation.method) \(operation.template): \(text)"
                expectProblem(answer, 422, instance: operation.path(), sent: sent)
                #expect(answer.errors.contains { $0.loc.first == "body" }, "\(sent) → \(answer.text)")
            }
        }
    }

    /// An empty object and an empty body lack the required fields.
    @Test(arguments: Deployment.allCases)
    func reportsMissingFields(_ deployment: Deployment) async throws {
        try await forEachBody(deployment) { operation, api in
            guard !operation.required.isEmpty else { return }
            for body in [Array("{}".utf8), []] {
                let answer = try await api.send(operation.method, operation.path(), body: body)
                let sent = "\(operation.method) \(operation.template): \(body.count) bytes"
                expectProblem(answer, 422, sent: sent)
                #expect(
                    answer.errors.map(\.summary).sorted() == operation.required.map { "body.\($0) required" }.sorted(),
                    "\(sent)")
            }
        }
    }

    /// JSON values and their types.
    static let values: [(String, Set<String>)] = [
        ("null", ["null"]), ("true", ["boolean"]), ("5", ["integer", "number"]), ("-1", ["integer", "number"]),
        ("1.5", ["number"]), ("1e999", ["number"]), ("-1e999", ["number"]), ("1e-999", ["number"]),
        ("9223372036854775807", ["integer", "number"]), ("9223372036854775808", ["integer", "number"]),
        ("-9223372036854775809", ["integer", "number"]), ("18446744073709551616", ["integer", "number"]),
        ("\(String(repeating: "9", count: 400))", ["integer", "number"]), ("\"text\"", ["string"]),
        ("\"\"", ["string"]),
        ("\"a\\u0000b\"", ["string"]), ("\"\\u001b[2J\"", ["string"]), ("\"\\ud83d\\ude00\"", ["string"]),
        ("[]", ["array"]), ("[null]", ["array"]), ("[[[]]]", ["array"]), ("{}", ["object"]),
        ("{\"a\":{\"b\":[null]}}", ["object"]),
        ("\"\(String(repeating: "x", count: 20_000))\"", ["string"]),
    ]

    /// Sends the same value for every field. Each field of another type must be reported.
    @Test(arguments: Deployment.allCases)
    func reportsEveryFieldOfTheWrongType(_ deployment: Deployment) async throws {
        try await forEachBody(deployment) { operation, api in
            for (text, types) in Self.values {
                let members = operation.fields.map { "\"\($0.name)\":\(text)" }.joined(separator: ",")
                let answer = try await api.send(operation.method, operation.path(), body: Array("{\(members)}".utf8))
                let sent = "\(operation.method) \(operation.template): everything is \(text.prefix(40))"
                #expect(answer.status < 500, "\(sent) → \(answer.status) \(answer.text.prefix(300))")
                let named = Set(answer.errors.filter { $0.loc.first == "body" }.compactMap { $0.loc.dropFirst().first })
                for field in operation.fields {
                    let accepted = APIDocument.types(of: field.schema)
                    // Prices may also be strings, but none of these is a price.
                    guard !accepted.isEmpty, accepted.isDisjoint(with: types) else { continue }
                    #expect(
                        named.contains(field.name), "\(sent) → \(field.name) is not named: \(answer.text)")
                }
                if answer.status >= 400 { expectProblem(answer, sent: sent) }
            }
        }
    }

    /// Control characters are rejected in every text.
    @Test(arguments: Deployment.allCases)
    func refusesNULInEveryText(_ deployment: Deployment) async throws {
        try await forEachBody(deployment) { operation, api in
            let texts = operation.fields.filter { APIDocument.types(of: $0.schema).contains("string") }
            guard !texts.isEmpty else { return }
            let members = texts.map { "\"\($0.name)\":\"a\\u0000b\"" }.joined(separator: ",")
            let answer = try await api.send(operation.method, operation.path(), body: Array("{\(members)}".utf8))
            let sent = "\(operation.method) \(operation.template): NUL in every text"
            expectProblem(answer, sent: sent)
            for field in texts {
                #expect(
                    answer.errors.contains { $0.loc == ["body", field.name] },
                    "\(sent) → \(field.name) is not named: \(answer.text.prefix(600))")
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func refusesBodiesOverTheLimit(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let token = try await platform.people.administrator().token
        for (size, path) in [(1024 * 1024 + 1, "/api/auth/login"), (1024 * 1024 + 1, Products.path)] {
            let head =
                "POST \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(size)\r\n\r\n"
            let body = [UInt8](repeating: UInt8(ascii: " "), count: size)
            let answer = try await RawSocket.exchange(port: platform.port, Array(head.utf8) + body, answers: 1)
            expectProblem(try #require(answer.responses.first), 413, instance: path, sent: "\(size) bytes to \(path)")
        }
        #expect(try await platform.api.get("/health/ready").status == 200)
    }

    @Test(arguments: Deployment.allCases)
    func refusesOtherMediaTypes(_ deployment: Deployment) async throws {
        try await forEachBody(deployment) { operation, api in
            for type in [
                "", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x", "application/json; charset=latin1",
                "application/json; charset=utf-16",
                "application/jsonp", "nonsense", "application/", "/json",
            ] {
                let answer = try await api.send(
                    operation.method, operation.path(), body: Array("{}".utf8), headers: ["Content-Type": type])
                expectProblem(
                    answer, 415, instance: operation.path(), sent: "\(operation.method) \(operation.template): \(type)")
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func acceptsAnySpellingOfJSON(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for type in [
            "application/json; charset=utf-8", "APPLICATION/JSON;charset=\"UTF-8\"", "application/merge-patch+json",
        ] {
            let answer = try await products.api.post(
                Products.path, ["name": "Typed", "price": 1], ["Content-Type": type])
            #expect(answer.status == 201, "\(type): \(answer.text)")
        }
    }
}

import MartletCore
import SwiftProtobuf
import Testing

@testable import GRPCTranscoding

/// Requests through templates, queries and bodies.
struct TranscoderTests {
    private static let type = ".test.Everything"

    private func transcoder(_ options: Transcoder.Options = .init()) throws -> Transcoder {
        typealias D = TestDescriptors
        let type = Self.type
        let methods = [
            try D.method(
                "Get", type, type,
                rule: D.rule(2, "/v1/{string=shelves/*}", additional: [D.customRule("LINK", "/v1/link/{inner.int32}")])),
            try D.method("Put", type, type, rule: D.rule(3, "/v1/{inner.string=a/*}", body: "*")),
            try D.method("Post", type, type, rule: D.rule(4, "/v1/posts/{int32}:send", body: "inner")),
            try D.method("Words", type, type, rule: D.rule(4, "/v1/words", body: "words", responseBody: "words")),
            try D.method("Files", type, type, rule: D.rule(2, "/v1/files/{string=**}")),
            try D.method("Watch", type, type, rule: D.rule(2, "/v1/watch"), isStreaming: true),
            try D.method("Collect", type, type, rule: D.rule(4, "/v1/collect", body: "*"), takesStream: true),
            try D.method("Hidden", type, type, rule: nil),
        ]
        let bytes: [UInt8] = try D.set(methods).serializedBytes()
        return try Transcoder(descriptors: bytes, services: ["test.Tests"], options: options)
    }

    /// The JSON of the request message, and its method.
    private func request(
        _ method: String, _ target: String, _ body: String = "", options: Transcoder.Options = .init()
    ) throws -> (String, String) {
        let transcoder = try transcoder(options)
        let parts = target.split(separator: "?", maxSplits: 1)
        guard case .found(let found) = transcoder.match(method: method, path: parts[0].utf8) else {
            return ("", "")
        }
        let query = parts.count > 1 ? Array(parts[1].utf8) : []
        let message = try transcoder.request(found, query: query, body: Array(body.utf8))
        var plain = WireWriter()
        plain.field(28, message)
        // Read the written message with the response's printer.
        let schema = try TestDescriptors.schema()
        var out = JSONWriter()
        try MessagePrinter(schema: schema).message(
            message, message.indices, try #require(schema.messagesByName["test.Everything"]), to: &out)
        return (found.binding.methodPath, String(decoding: out.bytes, as: UTF8.self))
    }

    @Test(arguments: [
        ("GET", "/v1/shelves/1", "", "Get", #"{"string":"shelves/1"}"#),
        ("GET", "/v1/shelves/a%20b%23+c?int32=5", "", "Get", #"{"int32":5,"string":"shelves/a b%23+c"}"#),
        ("LINK", "/v1/link/7", "", "Get", #"{"inner":{"int32":7}}"#),
        ("GET", "/v1/files/a%20b/c%2Fd", "", "Files", #"{"string":"a b/c%2Fd"}"#),
        ("GET", "/v1/files", "", "Files", #"{}"#),
        // The path takes precedence over the body, and the body over the query.
        (
            "PUT", "/v1/a/b?int32=1&bool=1", #"{"int32":2,"inner":{"string":"z","int32":3}}"#, "Put",
            #"{"int32":2,"bool":true,"inner":{"int32":3,"string":"a/b"}}"#
        ),
        ("GET", "/v1/shelves/1?string=shelves/2", "", "Get", #"{"string":"shelves/1"}"#),
        ("PUT", "/v1/a/b", "", "Put", #"{"inner":{"string":"a/b"}}"#),
        ("POST", "/v1/posts/5:send", #"{"bool":true}"#, "Post", #"{"int32":5,"inner":{"bool":true}}"#),
        ("POST", "/v1/posts/5:send", " null ", "Post", #"{"int32":5}"#),
        ("POST", "/v1/words", #"["a","b"]"#, "Words", #"{"words":["a","b"]}"#),
        // A body that the rule does not map.
        ("GET", "/v1/watch?double=NaN", "{]", "Watch", #"{"double":"NaN"}"#),
        (
            "GET", "/v1/watch?inner.inner.int32=5&inner.inner.words=a&inner.inner.words=b+c%20d", "", "Watch",
            #"{"inner":{"inner":{"int32":5,"words":["a","b+c d"]}}}"#
        ),
        (
            "GET", "/v1/watch?numbers=1&numbers=-2&colors=RED&colors=2&color=-3&bytes=AAE&bool=false&boolValue=true",
            "",
            "Watch", #"{"bytes":"AAE=","color":"DARK","numbers":[1,-2],"colors":["RED",2],"boolValue":true}"#
        ),
        (
            "GET", "/v1/watch?time=2020-01-01T00:00:00Z&span=1s&mask=a,b_c&int64Value=5&value=x&another=a", "", "Watch",
            #"{"time":"2020-01-01T00:00:00Z","span":"1s","mask":"a,bC","value":"x","int64Value":"5","another":"a"}"#
        ),
        ("GET", "/v1/watch?&=&a&int32=1&&int32=2&=3", "", "Watch", #"{"int32":2}"#),
    ])
    func buildsTheMessage(method: String, target: String, body: String, name: String, json: String) throws {
        let (path, message) = try request(method, target, body)
        #expect(path == "/test.Tests/\(name)")
        #expect(message == json)
    }

    @Test(arguments: [
        ("GET", "/v1/shelves/%FF", "", "path.string"), ("LINK", "/v1/link/x", "", "path.inner.int32"),
        ("GET", "/v1/watch?nope=1", "", "query.nope"), ("GET", "/v1/watch?int32=x", "", "query.int32"),
        ("GET", "/v1/watch?int32=", "", "query.int32"), ("GET", "/v1/watch?inner=x", "", "query.inner"),
        ("GET", "/v1/watch?string.a=x", "", "query.string.a"),
        ("GET", "/v1/watch?inners.int32=1", "", "query.inners.int32"),
        ("GET", "/v1/watch?counts=1", "", "query.counts"), ("GET", "/v1/watch?counts.a=1", "", "query.counts.a"),
        ("GET", "/v1/watch?string=%FF", "", "query"), ("GET", "/v1/watch?.=1", "", "query.."),
        ("PUT", "/v1/a/b", "{", "body"), ("PUT", "/v1/a/b", "[]", "body"), ("PUT", "/v1/a/b", "null", "body"),
        ("PUT", "/v1/a/b", #"{"a":1} x"#, "body"), ("PUT", "/v1/a/b", #"{"int32":1,"int32":2}"#, "body"),
        ("PUT", "/v1/a/b", #"{"inner":{"int32":"x"}}"#, "body.inner.int32"),
        ("POST", "/v1/words", #""a""#, "body"), ("POST", "/v1/words", #"["a",1]"#, "body.1"),
    ])
    func refuses(method: String, target: String, body: String, location: String) throws {
        let error = try #require(throws: TranscodingError.self) { try request(method, target, body) }
        #expect(error.location.joined(separator: ".") == location)
    }

    @Test func skipsUncallableMethods() throws {
        let transcoder = try transcoder()
        for (method, path) in [("POST", "/v1/collect"), ("POST", "/test.Tests/Hidden"), ("GET", "/"), ("GET", "*")] {
            guard case .none = transcoder.match(method: method, path: path.utf8) else {
                Issue.record("\(method) \(path)")
                return
            }
        }
        guard case .otherMethods(["GET"]) = transcoder.match(method: "POST", path: "/v1/watch".utf8) else {
            Issue.record("POST /v1/watch")
            return
        }
    }

    @Test func answerCanBeOneField() throws {
        let transcoder = try transcoder()
        guard case .found(let found) = transcoder.match(method: "POST", path: "/v1/words".utf8) else {
            Issue.record("not found")
            return
        }
        var message = WireWriter()
        message.field(19, "a".utf8)
        message.field(14, "b".utf8)
        #expect(try transcoder.response(message.bytes, of: found.binding) == Array(#"["a"]"#.utf8))
        #expect(try transcoder.response([], of: found.binding) == Array("[]".utf8))
    }

    @Test func rejectsUnknownParametersWhenConfigured() throws {
        var options = Transcoder.Options()
        options.rejectsUnknownFields = true
        let error = try #require(throws: TranscodingError.self) {
            try request("PUT", "/v1/a/b", #"{"nope":1}"#, options: options)
        }
        #expect(error.location == ["body", "nope"])
    }

    @Test func reportsInvalidDescriptors() throws {
        typealias D = TestDescriptors
        #expect(throws: DescriptorError.self) { try Transcoder(descriptors: [1, 2, 3], services: []) }
        #expect(throws: DescriptorError("the set has no service 'test.Other'")) {
            try Transcoder(D.set(), services: ["test.Other"])
        }
        let bad: [[UInt8]] = [
            D.rule(2, "no slash"), D.rule(2, "/{nope}"), D.rule(2, "/{words}"), D.rule(2, "/{counts}"),
            D.rule(4, "/a", body: "nope"), D.rule(4, "/a", responseBody: "nope"),
            D.rule(2, "/a/{string}", additional: [D.rule(2, "/a/{int32}")]), [0x0A],
        ]
        for rule in bad {
            let set = D.set([try D.method("Get", Self.type, Self.type, rule: rule)])
            #expect(throws: DescriptorError.self) { try Transcoder(set, services: ["test.Tests"]) }
        }
        var group = D.set()
        group.file[1].messageType[0].field[0].type = .group
        #expect(throws: DescriptorError.self) { try Transcoder(group, services: []) }
        var missing = D.set()
        missing.file.removeFirst()
        #expect(throws: DescriptorError.self) { try Transcoder(missing, services: []) }
    }

    @Test func statusesMapAsEnvoyMapsThem() {
        let expected = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]
        #expect((0...16).map { GRPCStatus(code: $0).httpStatus } == expected)
        #expect(GRPCStatus(code: "5", message: "no %C3%BC%0A%").message == "no ü\n%")
        for code in ["", "17", "-1", "x", "99999999999999999999"] {
            #expect(GRPCStatus(code: code, message: "").code == GRPCStatus.unknown)
        }
    }
}

import MartletCore
import Testing

@testable import Gateway

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The schema describes exactly what the reader accepts.
@Suite struct GatewaySchemaTests {
    /// Contains every mapping that the reader knows. Add new keys here.
    private static let example = """
        trusted_proxies: [10.0.0.0/8]
        platform:
          addresses: {deny: [192.0.2.0/24]}
          cors: {origins: ["https://x.example"]}
          response_headers: {add: {X-C: d}}
          security_headers: {frame_options: DENY}
          compression: {level: 6}
          rate_limit: [{requests: 10, per: 1s}]
        limits: {request_body: 1MiB}
        access_log: {sample: 0.5}
        overload: {requests: 1000}
        redis: {url: "redis://127.0.0.1:6379"}
        tls:
          certificates: [{certificate: /a.pem, key: /a.key, names: [a.example]}]
          redirect: {listen: "0.0.0.0:80", port: 443, status: 301}
        upstreams:
          a:
            endpoints: [{url: "http://127.0.0.1:1", weight: 3}]
            balance: {consistent_hash: {cookie: session}}
            health: {path: /health}
            request_body: {buffered: 1MiB}
            keep_alive: {idle: 1s}
            breaker: {failures: 3}
            concurrency: {limit: 10}
          s: {endpoints: ["https://127.0.0.1:1"], tls: {ca: /ca.pem}}
          dns: {discovery: {dns: {name: a.example, port: 80, server: "10.0.0.53:53"}}}
          etcd: {discovery: {etcd: {endpoints: ["http://127.0.0.1:1"], prefix: /a/, tls: {ca: /ca.pem}}}}
          consul: {discovery: {consul: {address: "http://127.0.0.1:1", service: a, tls: {ca: /ca.pem}}}}
        routes:
          - path: /a
            split: [{upstream: a, weight: 9}]
            rewrite: {strip_prefix: /a}
            timeouts: {connect: 1s}
            retry: {attempts: 2}
            addresses: {allow: [127.0.0.1]}
            cors: {origins: ["https://x.example"]}
            authentication:
              jwt: {keys: [{algorithm: HS256, secret: a secret of the tests that has 32 bytes}]}
              api_keys: {keys: [{name: k, sha256: \(String(repeating: "0a", count: 32))}]}
              websocket: {protocol: bearer, cookie: token, origins: ["https://x.example"]}
            upgrade: [websocket]
            encoded_slashes: keep
            rate_limit: [{by: user, requests: 10, per: 1s}]
            request_headers: {set: {X-A: b}}
            response_headers: {add: {X-C: d}}
            security_headers: {frame_options: DENY}
            compression: {level: 6}
            cache: {wait: 5s}
          - {path: /r, redirect: {to: "https://x.example"}}
          - {path: /f, respond: {body: gone}}
          - {path: /s, files: {root: /}}
          - {path: /p, aggregate: {parts: {one: {upstream: a, path: /one}}}}
          - {path: /g, grpc: {upstream: a, descriptors: /nowhere.pb, services: [a.B]}}
        """

    @Test func hasTheReadersKeys() throws {
        let root = try JSONValue(parsing: Array(GatewaySchema.text.utf8))
        let errors = ConfigErrors()
        var configuration = GatewayConfiguration()
        // Everything is read although a file that it names does not exist.
        _ = try GatewayFile.parse(Self.example, name: "example", into: &configuration, errors)
        #expect(errors.lines.count == 1 && errors.lines.first?.text.contains(".grpc.descriptors: ") == true)
        var visited: Set<String> = []
        for (path, keys) in errors.mappings {
            guard let keys else { continue }
            let (place, schema) = try #require(Self.find(path, in: root), "the schema knows no \(path)")
            visited.insert(place)
            let known = schema["properties"]?.objectValue?.map(\.0).sorted()
            #expect(known == keys.sorted(), "\(path)")
            #expect(schema["additionalProperties"] == false, "\(path)")
        }
        var described: [(String, JSONValue)] = []
        Self.collect(root, "", &described)
        for (place, schema) in described {
            #expect(visited.contains(place), "the example has no \(place)")
            for (name, property) in schema["properties"]?.objectValue ?? [] {
                let resolved = Self.resolve(property, in: root).1
                #expect(
                    property["description"] ?? resolved["description"] ?? resolved["enum"] != nil,
                    "\(place) has no description of \(name)")
            }
        }
    }

    @Test func hidesWriteOnlyValues() throws {
        let root = try JSONValue(parsing: Array(GatewaySchema.text.utf8))
        var described: [(String, JSONValue)] = []
        Self.collect(root, "", &described)
        let secrets = described.flatMap { $0.1["properties"]?.objectValue ?? [] }.filter { $0.1["writeOnly"] == true }
        #expect(secrets.count >= 2)
        for (name, _) in secrets { #expect(GatewayFile.isSecret(name), "\(name)") }
    }

    @Test func matchesTheDocumentation() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/gateway.schema.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text == GatewaySchema.text + "\n", "martlet gateway schema > docs/gateway.schema.json")
    }

    /// The schema of the mapping at a path such as `routes[0].split[0]`, and its location in the schema.
    private static func find(_ path: String, in root: JSONValue) -> (String, JSONValue)? {
        var (place, schema) = ("", root)
        for step in path.replacing("[", with: ".[").split(separator: ".") {
            let candidates = alternatives(schema, place, in: root)
            let next = candidates.compactMap { place, candidate -> (String, JSONValue)? in
                if step.hasPrefix("[") { return candidate["items"].map { (place + "[]", $0) } }
                if let property = candidate["properties"]?[String(step)] { return (place + "." + step, property) }
                guard let other = candidate["additionalProperties"], case .object = other else { return nil }
                return (place + ".*", other)
            }
            guard let found = next.first else { return nil }
            (place, schema) = found
        }
        return alternatives(schema, place, in: root).first { $0.1["properties"] != nil }
    }

    /// A schema or its alternatives.
    private static func alternatives(_ schema: JSONValue, _ place: String, in root: JSONValue) -> [(String, JSONValue)]
    {
        let (name, schema) = resolve(schema, in: root)
        let own = (name ?? place, schema)
        return [own] + (schema["anyOf"]?.arrayValue ?? []).flatMap { alternatives($0, own.0, in: root) }
    }

    /// - Returns: the target of a reference, and its name.
    private static func resolve(_ schema: JSONValue, in root: JSONValue) -> (String?, JSONValue) {
        guard let name = schema["$ref"]?.stringValue?.split(separator: "/").last.map(String.init),
            let definition = root["$defs"]?[name]
        else { return (nil, schema) }
        return ("#" + name, definition)
    }

    /// All mappings with fixed keys, by location.
    private static func collect(_ schema: JSONValue, _ place: String, _ found: inout [(String, JSONValue)]) {
        if schema["properties"] != nil { found.append((place, schema)) }
        for (name, property) in schema["properties"]?.objectValue ?? [] {
            collect(property, "\(place).\(name)", &found)
        }
        for (name, definition) in schema["$defs"]?.objectValue ?? [] { collect(definition, "#" + name, &found) }
        if let items = schema["items"] { collect(items, place + "[]", &found) }
        for alternative in schema["anyOf"]?.arrayValue ?? [] { collect(alternative, place, &found) }
        if let other = schema["additionalProperties"], case .object = other { collect(other, place + ".*", &found) }
    }
}

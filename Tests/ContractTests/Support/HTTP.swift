import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1

/// A complete response.
struct Response: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The one value of a header field; nil when it is missing or comes more than once.
    func header(_ name: String) -> String? {
        let values = headers[name]
        return values.count == 1 ? values[0] : nil
    }

    func json() throws -> JSONValue { try JSONValue(parsing: body) }

    /// The errors in a problem.
    var errors: [SeenError] {
        ((try? json())?["errors"]?.arrayValue ?? []).map { error in
            SeenError(
                loc: error["loc"]?.arrayValue?.compactMap(\.stringValue) ?? [],
                code: error["code"]?.stringValue ?? "", message: error["message"]?.stringValue ?? "")
        }
    }
}

/// One entry of a problem's `errors`.
struct SeenError: Sendable {
    let loc: [String]
    let code: String
    let message: String

    /// `body.price too_small`
    var summary: String { "\(loc.joined(separator: ".")) \(code)" }
}

/// The platform as a client sees it, with or without an access token.
struct API: Sendable {
    let port: Int
    var token: String?

    /// The same API with another token.
    func with(_ token: String?) -> API { API(port: port, token: token) }

    func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Response {
        try await send("GET", path, headers: headers)
    }

    func post(_ path: String, _ json: JSONValue, _ headers: [String: String] = [:]) async throws -> Response {
        try await send("POST", path, json, headers: headers)
    }

    func put(_ path: String, _ json: JSONValue, _ headers: [String: String] = [:]) async throws -> Response {
        try await send("PUT", path, json, headers: headers)
    }

    func patch(_ path: String, _ json: JSONValue, _ headers: [String: String] = [:]) async throws -> Response {
        try await send("PATCH", path, json, headers: headers)
    }

    func delete(_ path: String, _ headers: [String: String] = [:]) async throws -> Response {
        try await send("DELETE", path, headers: headers)
    }

    func send(
        _ method: String, _ path: String, _ json: JSONValue, headers: [String: String] = [:]
    ) async throws -> Response {
        try await send(method, path, body: json.bytes, headers: headers)
    }

    /// - Parameters:
    ///   - path: the percent-encoded path and query.
    ///   - headers: additional to `Authorization` and, with a body, `Content-Type: application/json`. An empty value
    ///     omits
    ///     a field.
    func send(
        _ method: String, _ path: String, body: [UInt8]? = nil, headers: [String: String] = [:]
    ) async throws -> Response {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .RAW(value: method)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body)
        }
        for (name, value) in headers {
            request.headers.remove(name: name)
            if !value.isEmpty { request.headers.add(name: name, value: value) }
        }
        let response = try await client.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 16 * 1024 * 1024)
        return Response(
            status: Int(response.status.code), headers: response.headers, body: Array(bytes.readableBytesView))
    }
}

/// A widely used client, which checks the platform's framing independently. It lives as long as the tests.
private let client: HTTPClient = {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
    // Platforms are stopped and started, so an idle connection may be dead.
    configuration.connectionPool.idleTimeout = .seconds(1)
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
}()

/// `?search=a%20b&limit=2`
func query(_ pairs: KeyValuePairs<String, String>) -> String {
    "?" + pairs.map { "\(PercentEncoding.encode($0.key))=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
}

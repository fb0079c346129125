import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1
import NIOSSL

/// How a registry is spoken to over TLS: files in PEM.
public struct RegistryTLS: Sendable, Hashable {
    /// Who may have signed the registry's certificate; those that the system trusts when nil.
    public var authorities: String?
    /// Shown to a registry that asks for it (mutual TLS).
    public var certificate: String?
    public var key: String?

    public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }

    func configuration() throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let authorities { configuration.trustRoots = .file(authorities) }
        if let certificate, let key {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        return configuration
    }
}

/// Why a registry cannot be used; `description` is one line.
struct RegistryError: Error, CustomStringConvertible {
    let description: String
    /// The status of its answer; nil when there is none.
    var status: Int?

    init(_ description: String, status: Int? = nil) {
        self.description = description
        self.status = status
    }
}

/// Requests to a registry's HTTP API.
struct RegistryHTTP: Sendable {
    /// Answers are read up to this length.
    static let maximumLength = 16 * 1024 * 1024
    /// A stream on which nothing comes for so long is broken off and begun again, as its other end may be gone.
    static let silence = Duration.seconds(90)

    /// It lives as long as the process.
    private static let shared = makeClient(silence: silence)

    /// Follows no redirects: a registry is at the address that was given.
    static func makeClient(silence: Duration) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(3), read: TimeAmount(silence)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        // Every watch holds a connection.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1024
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    private let client: HTTPClient
    private let tls: TLSConfiguration?

    /// - Parameter client: the one that all share when nil.
    /// - Throws: when a file of the TLS settings cannot be read.
    init(_ tls: RegistryTLS?, client: HTTPClient? = nil) throws {
        self.client = client ?? Self.shared
        self.tls = try tls?.configuration()
    }

    struct Response: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let json: JSONValue
    }

    /// - Parameter deadline: for the whole exchange.
    /// - Throws: ``RegistryError`` when there is no answer, or one that is not JSON.
    func send(
        _ method: HTTPMethod, _ url: String, headers: [(String, String)] = [], body: JSONValue? = nil,
        deadline: Duration = .seconds(5)
    ) async throws -> Response {
        try await within(deadline) {
            let response = try await start(method, url, headers, body, deadline)
            let bytes = Array(buffer: try await response.body.collect(upTo: Self.maximumLength))
            let status = Int(response.status.code)
            do {
                return Response(status: status, headers: response.headers, json: try JSONValue(parsing: bytes))
            } catch {
                throw refusal(url, status, bytes)
            }
        }
    }

    /// Sends a request whose answer is a JSON value a line, for as long as the connection lasts.
    /// - Throws: ``RegistryError`` when there is no answer, or another one than 200.
    func stream(
        _ url: String, headers: [(String, String)] = [], body: JSONValue
    ) async throws -> HTTPClientResponse.Body {
        let response = try await start(.POST, url, headers, body, .seconds(5))
        let status = Int(response.status.code)
        guard status != 200 else { return response.body }
        let reason = try await within(.seconds(5)) { try await response.body.collect(upTo: 64 * 1024) }
        throw refusal(url, status, Array(buffer: reason))
    }

    private func refusal(_ url: String, _ status: Int, _ body: [UInt8]) -> RegistryError {
        RegistryError(
            "\(host(url)) answers \(status) \(String(decoding: body.prefix(200), as: UTF8.self))", status: status)
    }

    private func start(
        _ method: HTTPMethod, _ url: String, _ headers: [(String, String)], _ body: JSONValue?, _ deadline: Duration
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.tlsConfiguration = tls
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body.bytes)
        }
        do {
            return try await client.execute(request, timeout: TimeAmount(deadline))
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw RegistryError("\(host(url)): \(error)")
        }
    }

    /// What may be shown of a URL: no query, no path.
    private func host(_ url: String) -> String { url.split(separator: "/").prefix(2).joined(separator: "//") }

    private func within<Value: Sendable>(
        _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask(operation: operation)
            group.addTask {
                try await Task.sleep(for: limit)
                throw RegistryError("no whole answer came within \(limit)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}

/// Splits what arrives into the values of its lines. Pure.
struct JSONLines: Sendable {
    private var rest: [UInt8] = []

    /// - Throws: for a line that is no JSON or longer than ``RegistryHTTP/maximumLength``.
    mutating func append(_ bytes: some Sequence<UInt8>) throws -> [JSONValue] {
        rest += bytes
        var values: [JSONValue] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if end > 0 { values.append(try JSONValue(parsing: rest[..<end])) }
            rest.removeFirst(end + 1)
        }
        guard rest.count <= RegistryHTTP.maximumLength else { throw RegistryError("a line of the answer is too long") }
        return values
    }
}

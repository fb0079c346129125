import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1
import NIOSSL

/// The TLS settings for a registry, as PEM files.
public struct RegistryTLS: Sendable, Hashable {
    /// The trusted certificate authorities. Default: those of the system.
    public var authorities: String?
    /// The client certificate for mutual TLS.
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

/// An error of a registry. `description` is one line.
struct RegistryError: Error, CustomStringConvertible {
    let description: String
    /// The HTTP status of the response; nil when there is none.
    var status: Int?

    init(_ description: String, status: Int? = nil) {
        self.description = description
        self.status = status
    }
}

/// Sends requests to a registry's HTTP API.
struct RegistryHTTP: Sendable {
    /// The maximum length of a response, in bytes.
    static let maximumLength = 16 * 1024 * 1024
    /// A stream that is silent for this long is restarted, because the connection may be dead.
    static let silence = Duration.seconds(90)

    /// Lives as long as the process.
    private static let shared = makeClient(silence: silence)

    /// Does not follow redirects: a registry is at its configured address.
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

    /// - Parameter client: the client to use. Default: the shared one.
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

    /// - Parameter deadline: the longest time for the whole exchange.
    /// - Throws: ``RegistryError`` when there is no response, or one that is not JSON.
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

    /// Sends a request whose response is a stream with one JSON value per line.
    /// - Throws: ``RegistryError`` when there is no response, or its status is not 200.
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
            "\(host(url)) returned status \(status): \(String(decoding: body.prefix(200), as: UTF8.self))",
            status: status)
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

    /// The scheme and host of a URL, which are safe to log.
    private func host(_ url: String) -> String { url.split(separator: "/").prefix(2).joined(separator: "//") }

    private func within<Value: Sendable>(
        _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask(operation: operation)
            group.addTask {
                try await Task.sleep(for: limit)
                throw RegistryError("no complete response within \(limit)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}

/// Splits received bytes into lines and parses each as JSON. Pure.
struct JSONLines: Sendable {
    private var rest: [UInt8] = []

    /// - Throws: for a line that is not JSON or is longer than ``RegistryHTTP/maximumLength``.
    mutating func append(_ bytes: some Sequence<UInt8>) throws -> [JSONValue] {
        rest += bytes
        var values: [JSONValue] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if end > 0 { values.append(try JSONValue(parsing: rest[..<end])) }
            rest.removeFirst(end + 1)
        }
        guard rest.count <= RegistryHTTP.maximumLength else { throw RegistryError("a line of the stream is too long") }
        return values
    }
}

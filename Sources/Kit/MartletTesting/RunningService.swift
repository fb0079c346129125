import AsyncHTTPClient
import Logging
public import MartletCache
import MartletClient
public import MartletCore
public import MartletData
import MartletMessaging
import MartletTelemetry
public import MartletWeb
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A running service with a real database, a real socket and a token issuer.
public struct RunningService: Sendable {
    public let issuer: TestIssuer
    public let database: Database
    public let platform: Platform
    private let base: String

    /// Runs the service while `body` runs.
    /// - Parameter runsMessages: whether its events, jobs and schedules run too.
    public static func run<Tested: MartletWeb.Service>(
        _ service: Tested.Type, on store: TestStore, beside others: [any MartletWeb.Service.Type] = [],
        settings: Tested.Settings = .init(), clock: WallClock = .system, caches: Caches? = nil,
        runsMessages: Bool = true,
        _ body: @Sendable (RunningService) async throws -> Void
    ) async throws {
        try await store.withDatabase(Tested.migrations) { database in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let folder = "\(FileManager.default.temporaryDirectory.path)/martlet-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let socket = folder + "/s"
            let metrics = MetricsRegistry()
            let endpoint = Endpoint.unix(path: socket)
            let client = ServiceClient("issuer", at: endpoint, logger: logger)
            let broker = LocalBroker()
            let platform = Platform(
                database: database, messages: Messages(of: Tested.name, on: database, publishing: Tested.events),
                authenticator: Authenticator(issuer: client, clock: clock, logger: logger),
                metrics: metrics, logger: logger, clock: clock, caches: caches, folder: folder,
                clients: { ServiceClient($0, at: endpoint, logger: logger) })
            let issuer = TestIssuer(platform, settings: NoSettings())
            var hosted = [
                HostedService(try Tested(platform, settings: settings), platform), HostedService(issuer, platform),
            ]
            try await hosted[0].migrateKitTables()
            for other in others { hosted.append(try await host(other, as: platform)) }
            let server = try ServiceServer(
                hosted, on: endpoint, version: "test", metrics: metrics, logger: logger,
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
            // A test sees what its requests cause without waiting for a heartbeat.
            var options = MessagingOptions()
            options.heartbeat = .milliseconds(200)
            options.firstRetry = .milliseconds(20)
            // A service may hear of others that do not run in this test.
            let published = Set((others + [service]).flatMap { $0.events.map { $0.type } })
                .union(hosted.flatMap { $0.service.handlers.filter { !$0.isFromOutside }.map(\.type) })
            var messaging: [MessagingService] = []
            for hosted in hosted where !(hosted.service is TestIssuer) {
                messaging.append(try hosted.messaging(through: broker, published: published, options: options))
            }
            if !runsMessages { messaging = [] }
            for service in messaging { try await service.prepare() }
            let group = ServiceGroup(configuration: .init(services: messaging + [server], logger: logger))
            let base = "http+unix://" + socket.replacing("/", with: "%2F")
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                _ = await server.listening()
                let running = RunningService(issuer: issuer, database: database, platform: platform, base: base)
                let result: Result<Void, any Error>
                do { result = .success(try await body(running)) } catch { result = .failure(error) }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                try result.get()
            }
        }
    }

    private static func host<Other: MartletWeb.Service>(
        _ service: Other.Type, as platform: Platform
    ) async throws -> HostedService {
        let database = try Database(.sqliteInMemory, logger: platform.logger)
        try await database.migrate(Other.migrations)
        let own = Platform(
            database: database, messages: Messages(of: Other.name, on: database, publishing: Other.events),
            authenticator: platform.authenticator, metrics: platform.metrics,
            logger: platform.logger, clock: platform.clock, folder: platform.folder)
        let service = try Other(own, settings: Other.Settings())
        let hosted = HostedService(service, own)
        try await hosted.migrateKitTables()
        try await service.prepare()
        return hosted
    }

    public struct Response: Sendable {
        public let status: Int
        public let headers: [String: String]
        public let body: [UInt8]

        /// The body as JSON; null when there is none.
        public var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

        /// The problem's fields and codes: `body.price too_small`.
        public var fieldErrors: [String] {
            (json["errors"]?.arrayValue ?? []).map { error in
                let loc = (error["loc"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ".")
                return "\(loc) \(error["code"]?.stringValue ?? "")"
            }
        }
    }

    /// - Parameters:
    ///   - body: JSON text, sent as `application/json` unless `headers` contain another type.
    ///   - token: an access token, sent as a bearer token.
    public func send(
        _ method: String, _ path: String, _ body: String? = nil, token: String? = nil, headers: [String: String] = [:]
    ) async throws -> Response {
        try await send(method, path, bytes: body.map { Array($0.utf8) }, token: token, headers: headers)
    }

    public func send(
        _ method: String, _ path: String, bytes: [UInt8]?, token: String? = nil, headers: [String: String] = [:]
    ) async throws -> Response {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: method)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let bytes {
            request.body = .bytes(ByteBuffer(bytes: bytes))
            if headers["content-type"] == nil { request.headers.add(name: "content-type", value: "application/json") }
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let collected = try await response.body.collect(upTo: 16 * 1024 * 1024)
        var fields: [String: String] = [:]
        for (name, value) in response.headers { fields[name.lowercased()] = value }
        return Response(
            status: Int(response.status.code), headers: fields, body: Array(collected.readableBytesView))
    }
}

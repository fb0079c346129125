import HTTPTypes
import Hummingbird
public import Logging
public import MartletCore
import MartletData
public import MartletTelemetry
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// Serves the routes of one or several services on an endpoint, with `/health/live`, `/health/ready`, `/metrics` and
/// `/openapi.json`.
public struct ServiceServer: ServiceLifecycle.Service {
    private let application: Application<RouterResponder<ServerContext>>
    private let address: ListeningState

    /// - Parameter endpoint: the address to listen on. Port 0 chooses a free port.
    /// - Throws: ``ServiceError`` for a route that does not state who may use it, or that takes an `Idempotency-Key` but is
    ///   public or no `POST`.
    public init(
        _ services: [HostedService], on endpoint: Endpoint, version: String, metrics: MetricsRegistry, logger: Logger,
        eventLoopGroup: any EventLoopGroup
    ) throws {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Edge(services, metrics: metrics))
        var documents: [JSONValue] = []
        for hosted in services {
            let routes = hosted.routes
            if let open = routes.first(where: { $0.access == nil }) {
                throw ServiceError("\(hosted.name): \(open.method) \(open.path) does not state who may use it")
            }
            if let route = routes.first(where: \.misusesIdempotency) {
                throw ServiceError(
                    "\(hosted.name): \(route.method) \(route.path) cannot be idempotent: only a POST that is not public can"
                )
            }
            for route in routes {
                let endpoint = RouteHandler(service: hosted.name, route: route, platform: hosted.platform)
                router.on(RouterPath(route.path), method: route.method) { request, context in
                    await endpoint.respond(to: request, path: context.parameters)
                }
            }
            documents.append(
                OpenAPI.document(
                    title: "Martlet \(hosted.name)", summary: type(of: hosted.service).summary, version: version,
                    routes: routes))
        }
        let document =
            (documents.count == 1 ? documents[0] : OpenAPI.merged(title: "Martlet", version: version, documents))
            .bytes
        router.get("health/live") { _, _ in Response.json(Array(#"{"status":"ok"}"#.utf8)) }
        router.get("health/ready") { request, _ in
            do {
                for hosted in services { try await hosted.platform.database.ping() }
                return Response.json(Array(#"{"status":"ok"}"#.utf8))
            } catch {
                return Response.problem(.unavailable("Not ready."), path: request.uri.path, requestID: nil)
            }
        }
        router.get("metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: metrics.exposition())))
        }
        router.get("openapi.json") { _, _ in Response.json(document) }

        let address = ListeningState()
        self.address = address
        application = Application(
            responder: router.buildResponder(),
            configuration: .init(address: BindAddress(endpoint)),
            onServerRunning: { channel in address.set(.init(isListening: true, port: channel.localAddress?.port)) },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: logger)
    }

    /// Serves until graceful shutdown, and answers pending requests first.
    public func run() async throws {
        // Wake the callers of listening() even if the server could not listen.
        defer { address.set(.ended) }
        try await application.run()
    }

    /// Waits until the server listens or has ended.
    /// - Returns: whether it listens.
    public func isListening() async -> Bool { await address.value().isListening }

    /// Waits until the server listens or has ended.
    /// - Returns: the TCP port; nil on a Unix socket or if the server could not listen.
    public func listening() async -> Int? { await address.value().port }
}

struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    init(source: Source) { coreContext = .init(source: source) }
}

extension BindAddress {
    fileprivate init(_ endpoint: Endpoint) {
        switch endpoint {
        case .tcp(let host, let port): self = .hostname(host, port: port)
        case .unix(let path): self = .unixDomainSocket(path: path)
        }
    }
}

/// Whether a server listens and at which TCP port. Readers wait until this is known.
private final class ListeningState: Sendable {
    struct Listening: Sendable {
        let isListening: Bool
        /// nil on a Unix socket.
        let port: Int?

        static let ended = Listening(isListening: false, port: nil)
    }

    private struct State {
        var value: Listening?
        var waiters: [CheckedContinuation<Listening, Never>] = []
    }

    private let state = Mutex(State())

    func set(_ value: Listening) {
        let waiters = state.withLock { state in
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    func value() async -> Listening {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state in
                if state.value == nil { state.waiters.append(continuation) }
                return state.value
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}

import Gateway
import Logging
import MartletCore
import MartletTelemetry
import NIOCore

/// Administers the gateway, on a listener of its own and for who has the token.
struct AdminPart {
    let service: Gateway

    /// Makes the token on the first start: 256 random bits in `admin.token`, mode 0600.
    /// - Throws: ``UsageError``.
    init(
        _ address: Endpoint, data: DataDirectory, gateway: GatewayPart, logger: Logger,
        eventLoopGroup: any EventLoopGroup
    ) throws(UsageError) {
        guard case .tcp(let host, let port) = address else { throw UsageError("admin_listen: must be host:port") }
        if !["127.0.0.1", "::1", "localhost"].contains(host) {
            logger.warning("admin_listen is not a loopback address: whoever has the token can come from elsewhere")
        }
        let token = Array(try data.secret("admin.token").utf8)
        func guarded(_ routes: [String: LocalHandler]) -> [String: LocalHandler] {
            routes.mapValues { route in
                { request in
                    guard Self.isAuthorized(request, token) else { return .problem(Self.tokenMissing) }
                    return await route(request)
                }
            }
        }
        let routes = AdminRoutes(gateway: gateway.service, watcher: gateway.watcher, readiness: gateway.readiness)
        var configuration = GatewayConfiguration(host: host, port: port)
        configuration.localRoutes = guarded(routes.reading)
        configuration.localActions = guarded(routes.acting)
        do {
            service = try Gateway(
                configuration: configuration, metrics: MetricsRegistry(), logger: logger,
                eventLoopGroup: eventLoopGroup)
        } catch {
            throw UsageError("admin_listen: \(error)")
        }
    }

    /// Takes the port, before anything else starts.
    /// - Throws: ``UsageError`` when the port is in use.
    func bind() async throws(UsageError) {
        do { try await service.bind() } catch { throw UsageError("admin_listen: \(error)") }
    }

    /// Takes as long for any wrong token; only its length, which is no secret, is told by the time.
    private static func isAuthorized(_ request: LocalRequest, _ token: [UInt8]) -> Bool {
        let sent = Array((request.header("Authorization") ?? "").utf8)
        let expected = Array("Bearer ".utf8) + token
        let difference = zip(sent, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        return sent.count == expected.count && difference == 0
    }

    private static let tokenMissing = Problem(
        status: 401, detail: "The token is in admin.token in the data folder.", code: "not_authenticated",
        headers: [("WWW-Authenticate", "Bearer")])
}

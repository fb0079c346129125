import Gateway
import Logging
import MartletCore
import MartletTelemetry
import NIOPosix

/// The gateway's administration: a separate listener for holders of the token.
struct AdministrationStage: Stage {
    private let service: Gateway

    /// On the first start, generates the token: 256 random bits in `admin.token`, mode 0600.
    /// - Returns: nil without `admin_listen`.
    /// - Throws: ``UsageError``.
    init?(_ settings: Settings, _ folder: DataDirectory, _ gateway: GatewayStage) throws(UsageError) {
        guard let address = settings.edge.adminListen else { return nil }
        let logger = Logger(label: "admin")
        guard case .tcp(let host, let port) = address else { throw UsageError("admin_listen: must be host:port") }
        if !["127.0.0.1", "::1", "localhost"].contains(host) {
            logger.warning("admin_listen is not a loopback address: only the token keeps other machines out")
        }
        let token = Array(try folder.secret("admin.token").utf8)
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
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        } catch {
            throw UsageError("admin_listen: \(error)")
        }
    }

    var tasks: [StageTask] { [StageTask("administration", service)] }

    /// Binds the port.
    /// - Throws: ``UsageError`` when the port is in use.
    func bind() async throws(UsageError) {
        do { try await service.bind() } catch { throw UsageError("admin_listen: \(error)") }
    }

    /// Takes the same time for every wrong token of the right length. The length is not secret.
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

import Gateway
import Logging
import MartletCore
import MartletTelemetry
import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The gateway's state for who administers it, on a listener of its own: `GET /state` with the token as a bearer token.
struct AdminPart {
    let service: Gateway
    private let address: Endpoint

    /// Makes the token on the first start: 256 random bits in `admin.token`, mode 0600.
    /// - Throws: ``UsageError``.
    init(
        _ address: Endpoint, data: DataDirectory, gateway: Gateway, logger: Logger, eventLoopGroup: any EventLoopGroup
    ) throws(UsageError) {
        guard case .tcp(let host, let port) = address else { throw UsageError("admin_listen: must be host:port") }
        self.address = address
        let token = Array(try data.secret("admin.token").utf8)
        var configuration = GatewayConfiguration(host: host, port: port)
        configuration.localRoutes["/state"] = { request in
            let sent = Array((request.header("Authorization") ?? "").utf8)
            let expected = Array("Bearer ".utf8) + token
            // Takes as long for any wrong token of that length.
            let difference = zip(sent, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            guard sent.count == expected.count, difference == 0 else {
                return .problem(
                    Problem(
                        status: 401, detail: "The token is in admin.token in the data folder.",
                        code: "not_authenticated", headers: [("WWW-Authenticate", "Bearer")]))
            }
            return .json(gateway.state.bytes)
        }
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
}

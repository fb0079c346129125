import Foundation
import HTTPTypes
import Logging
import MartletClient
import MartletCore
import MartletData
import MartletMessaging
import MartletServices
import MartletTelemetry
import MartletWeb
import Testing

/// Checks for every route of every service of the program.
@Suite struct RouteAccessTests {
    /// All operations that need no sign-in. The list should only get shorter.
    private static let publicRoutes: Set<String> = [
        "GET /.well-known/jwks.json",
        "GET /api/auth/registration",
        "GET /api/products",
        "GET /api/products/categories",
        "GET /api/products/in_stock",
        "GET /api/products/{id}",
        "POST /api/auth/login",
        "POST /api/auth/logout",
        "POST /api/auth/refresh",
        "POST /api/auth/register",
        "POST /api/auth/verify-token",
    ]

    /// The services of the program with default settings.
    private func services() throws -> [HostedService] {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = ServiceClient("accounts", at: .unix(path: "/nowhere"), logger: logger)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let database = try Database(.sqliteInMemory, logger: logger)
        let platform = Platform(
            database: database, messages: Messages(of: "test", on: database),
            authenticator: Authenticator(issuer: client, logger: logger), metrics: MetricsRegistry(), logger: logger,
            folder: folder)
        func make<S: MartletWeb.Service>(_ service: S.Type) throws -> HostedService {
            HostedService(try S(platform, settings: S.Settings()), platform)
        }
        return try MartletServices.all.map { try make($0) }
    }

    @Test func everyRouteDeclaresItsAccess() throws {
        for service in try services() {
            for route in service.routes {
                #expect(route.access != nil, "\(route.method) \(route.path) states no access")
            }
        }
    }

    @Test func publicRoutesAreListed() throws {
        let open = try services().flatMap(\.routes).filter { $0.access == .public }
        #expect(Set(open.map { "\($0.method) \($0.path)" }) == Self.publicRoutes)
    }

    @Test func permissionsAreNamedAfterTheirService() throws {
        for service in try services() {
            for route in service.routes {
                guard case .permission(let permission, _) = route.access else { continue }
                #expect(permission.hasPrefix(service.name + "."), "\(route.path) needs \(permission)")
            }
        }
    }

    @Test func gatewayRoutesEveryPathToItsService() throws {
        for service in try services() {
            for route in service.routes {
                let prefixes = type(of: service.service).allPrefixes
                #expect(prefixes.contains { route.path == $0 || route.path.hasPrefix($0 + "/") }, "\(route.path)")
            }
        }
    }

    @Test func everyRouteHasASummary() throws {
        for route in try services().flatMap(\.routes) {
            #expect(!route.summary.isEmpty, "\(route.method) \(route.path)")
        }
    }
}

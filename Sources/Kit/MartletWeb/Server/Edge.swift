import HTTPTypes
import Hummingbird
import MartletCore
import MartletTelemetry

/// Responds with 404 to unknown paths, with 405 to unsupported methods, and to `OPTIONS`.
struct Edge: RouterMiddleware {
    private let templates: [(segments: [Substring], method: HTTPRequest.Method)]
    private let unmatched: RouteMetrics

    init(_ services: [HostedService], metrics: MetricsRegistry) {
        templates = services.flatMap { hosted in
            hosted.routes.map { ($0.path.split(separator: "/"), $0.method) }
        }
        let names = services.map(\.name).joined(separator: ",")
        unmatched = RouteMetrics(metrics, service: names, method: "OTHER", route: "unmatched")
    }

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let requestID = RequestHeaders.requestID(request)
            let allowed = methods(of: request.uri.path)
            guard !allowed.isEmpty else {
                unmatched.count(404, .zero)
                return .problem(.notFound("Path"), path: request.uri.path, requestID: requestID)
            }
            guard request.method != .options else {
                return Response(status: .noContent, headers: [.allow: allowed.joined(separator: ", ")])
            }
            unmatched.count(405, .zero)
            return .problem(.methodNotAllowed(allowed: allowed), path: request.uri.path, requestID: requestID)
        }
    }

    /// The methods of a path; empty when the path is unknown. Of several matching templates the router picks the one
    /// with the fewest parameters, so `/api/products/in_stock` does not get the methods of `/api/products/{id}`.
    private func methods(of path: String) -> [String] {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"))
        let matching = templates.filter { template in
            template.segments.count == segments.count
                && zip(template.segments, segments).allSatisfy { $0.hasPrefix("{") || $0.utf8.elementsEqual($1) }
        }
        func parameters(_ segments: [Substring]) -> Int { segments.count { $0.hasPrefix("{") } }
        let fewest = matching.map { parameters($0.segments) }.min()
        var found: Set<String> = []
        for template in matching where parameters(template.segments) == fewest {
            found.insert(template.method.rawValue)
            if template.method == .get { found.insert("HEAD") }
        }
        return found.isEmpty ? [] : (found.union(["OPTIONS"])).sorted()
    }
}

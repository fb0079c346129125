import MartletClient
import MartletCore
import MartletTelemetry

/// The products of the catalog, which is another service.
struct ProductDirectory: Sendable {
    let catalog: ServiceClient

    /// - Parameter trace: the span of the request.
    /// - Throws: ``Problem`` 422 for a product that does not exist, 503 when the catalog does not respond.
    func requireProduct(_ id: Int64, trace: TraceContext) async throws {
        switch try await catalog.get("/api/products/\(id)", trace: trace).status {
        case 200: return
        case 404: throw Problem.invalid(field: "product_id", "No product has this id.", code: "not_found")
        case let status: throw Problem.unavailable("The catalog returned status \(status).")
        }
    }
}

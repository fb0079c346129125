import MartletClient
import MartletCore

/// The products of the catalog, which is another service.
struct ProductDirectory: Sendable {
    let catalog: ServiceClient

    /// - Throws: ``Problem`` 422 for a product that does not exist, 503 when the catalog does not respond.
    func requireProduct(_ id: Int64) async throws {
        do {
            try await catalog.get("/api/products/\(id)")
        } catch let error as CallError where error.status == 404 {
            throw Problem.invalid(field: "product_id", "No product has this id.", code: "not_found")
        }
    }
}

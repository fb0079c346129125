import MartletCore
import MartletData
import MartletWeb

extension CatalogService {
    /// Browsers and proxies may store the response but must ask before they use it again (RFC 9111 §5.2.2.4): nobody
    /// could tell them that a product has changed.
    private static let cacheControl = [(name: "Cache-Control", value: "no-cache")]

    @Sendable func list(
        _ context: Context, _ query: ListQuery<Product>
    ) async throws -> WithHeaders<ProductCache.ListResponse> {
        WithHeaders(try await cache.list(.all, query) { try await products.list(query) }, Self.cacheControl)
    }

    @Sendable func listInStock(
        _ context: Context, _ query: ListQuery<Product>
    ) async throws -> WithHeaders<ProductCache.ListResponse> {
        WithHeaders(try await cache.list(.inStock, query) { try await products.listInStock(query) }, Self.cacheControl)
    }

    @Sendable func listCategories(_ context: Context, _ query: CategoryQuery) async throws -> CategoryList {
        try await products.categories(query)
    }

    @Sendable func find(
        _ context: Context, _ id: ID<Product>
    ) async throws -> WithHeaders<ProductCache.ProductResponse> {
        WithHeaders(try await cache.product(id) { try await products.find(id) }, Self.cacheControl)
    }

    @Sendable func create(_ context: Context, _ input: ProductInput) async throws -> Created<Product> {
        let product = try await products.create(input)
        return Created(product, at: "/api/products/\(product.id)")
    }

    @Sendable func replace(
        _ context: Context, _ id: ID<Product>, _ input: ProductInput
    ) async throws -> Product {
        try await products.update(id, if: context.precondition) { _ in input }
    }

    @Sendable func update(
        _ context: Context, _ id: ID<Product>, _ patch: MergePatch<ProductInput>
    ) async throws -> Product {
        try await products.update(id, if: context.precondition) { try patch.applied(to: $0) }
    }

    @Sendable func delete(_ context: Context, _ id: ID<Product>) async throws -> NoContent {
        try await products.delete(id, if: context.precondition)
        return NoContent()
    }

    @Sendable func reduceStock(_ context: Context, _ request: ReduceStock) async throws -> Product {
        try await products.reduceStock(of: request.id, by: request.quantity)
    }
}

import MartletCache
import MartletCore
import MartletData
import MartletWeb

/// The responses to reads of products, kept for a short time if the setting `catalog_cache` says so.
///
/// Products and lists have caches of their own: endless different queries evict only lists. A product
/// that does not exist is not kept, so endless ids evict nothing.
struct ProductCache: Sendable {
    typealias ProductResponse = Rendered<Product>
    typealias ListResponse = Rendered<RowPage<Product>>

    /// Which lists a query is for.
    enum List: String {
        case all
        case inStock = "in_stock"
    }

    private struct Parts {
        let products: Cache<ProductResponse>
        let lists: Cache<ListResponse>
    }

    /// Nil when the cache is off.
    private let parts: Parts?

    var isOn: Bool { parts != nil }

    /// - Parameter age: the greatest age of a response; nil turns the cache off.
    init(_ caches: Caches, age: Duration?) {
        guard let age else {
            parts = nil
            return
        }
        var products = CachePolicy(fresh: age)
        products.maximumCount = 10_000
        // A list may cost a scan of the table, so it is refreshed before it is too old.
        var lists = CachePolicy(fresh: age / 2, stale: age / 2)
        lists.maximumCount = 500
        parts = Parts(
            products: caches.make("products", products), lists: caches.make("product_lists", lists))
    }

    /// - Throws: the errors of `read`.
    func product(
        _ id: ID<Product>, read: @escaping @Sendable () async throws -> Product
    ) async throws -> ProductResponse {
        guard let parts else { return try ProductResponse(await read()) }
        return try await parts.products.value(for: Self.key(of: id)) { try ProductResponse(await read()) }
    }

    /// - Throws: the errors of `read`.
    func list(
        _ list: List, _ query: ListQuery<Product>, read: @escaping @Sendable () async throws -> RowPage<Product>
    ) async throws -> ListResponse {
        guard let parts else { return try ListResponse(await read()) }
        let key = CacheKey("\(list.rawValue)?\(query.normalized)", for: .everyone)
        return try await parts.lists.value(for: key) { try ListResponse(await read()) }
    }

    /// Forgets a product that was changed or deleted, and all lists.
    func forget(_ id: ID<Product>) {
        guard let parts else { return }
        parts.products.forget(Self.key(of: id))
        parts.lists.forgetAll()
    }

    /// Forgets what a committed transaction has changed.
    func forget(_ change: ProductStore.Change) {
        guard let parts else { return }
        switch change {
        case .product(let id): forget(id)
        case .added: parts.lists.forgetAll()
        case .many:
            parts.products.forgetAll()
            parts.lists.forgetAll()
        }
    }

    private static func key(of id: ID<Product>) -> CacheKey { CacheKey("\(id)", for: .everyone) }
}

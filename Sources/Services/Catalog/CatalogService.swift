import Contracts
import MartletCore
public import MartletMessaging
public import MartletWeb

/// The product catalog: products, prices and stock.
public struct CatalogService: Service {
    public static let name = "catalog"
    public static let summary = "Products, their prices and their stock."
    public static let prefixes = ["/api/products"]
    public static let events: [any Event.Type] = [ProductChanged.self, ProductDeleted.self, StockChanged.self]

    let products: ProductStore
    let cache: ProductCache

    public init(_ platform: Platform, settings: CatalogSettings) {
        let cache = ProductCache(platform.caches, age: settings.cacheAge)
        self.cache = cache
        products = ProductStore(
            database: platform.database, messages: platform.messages, clock: platform.clock
        ) { cache.forget($0) }
    }

    public var handlers: [Handler] {
        if cache.isOn {
            // What an import beside the service has changed and, with Redis, another process. Without Redis each process
            // keeps what it has for the age of the cache.
            On(ProductChanged.self) { event, _, _ in cache.forget(ID(event.productID)) }.unordered
            On(ProductDeleted.self) { event, _, _ in cache.forget(ID(event.productID)) }.unordered
            On(StockChanged.self) { event, _, _ in cache.forget(ID(event.productID)) }.unordered
        }
    }

    public var jobs: [JobKind] {
        LoadProducts.declaration(use: loadProducts)
    }

    public var routes: [Route] {
        Group("/api/products", tag: "Products") {
            Get(use: list).public.summary("List products")
            Post(use: create).requires("catalog.add_product").idempotent.summary("Add a product")
            Get("in_stock", use: listInStock).public.summary("List products in stock")
            Get("categories", use: listCategories).public.summary("List categories and their number of products")
            Get("{id}", use: find).public.summary("Read a product")
            Put("{id}", use: replace).requires("catalog.change_product").summary("Replace a product")
            Patch("{id}", use: update).requires("catalog.change_product").summary("Change some fields of a product")
            Delete("{id}", use: delete).requires("catalog.delete_product").summary("Delete a product")
            Post("{id}/reduce_stock", use: reduceStock).requires("catalog.change_product")
                .summary("Reduce the stock of a product")
        }
    }
}

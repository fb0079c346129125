import Contracts
public import MartletCore
public import MartletData
public import MartletMessaging

/// The products in the database. Every public method is one transaction.
public struct ProductStore: Sendable {
    /// The maximum number of rows per statement, because databases limit the number of parameters.
    static let batchSize = 500

    /// What a committed transaction has changed.
    public enum Change: Sendable {
        case product(ID<Product>)
        /// New products only.
        case added
        case many
    }

    let database: Database
    let messages: Messages
    let clock: WallClock
    /// Called after each commit, before the store's method returns.
    let changed: @Sendable (Change) -> Void

    /// - Parameters:
    ///   - messages: nil outside the running service, such as in an import.
    ///   - changed: called after each commit, before the store's method returns.
    public init(
        database: Database, messages: Messages? = nil, clock: WallClock = .system,
        changed: @escaping @Sendable (Change) -> Void = { _ in }
    ) {
        self.database = database
        self.messages =
            messages
            ?? Messages(
                of: CatalogService.name, on: database, publishing: CatalogService.events,
                jobs: [LoadProducts.declaration { _, _ in }.kind])
        self.clock = clock
        self.changed = changed
    }

    public func list(_ query: ListQuery<Product>) async throws -> RowPage<Product> {
        try await database.page(query)
    }

    public func listInStock(_ query: ListQuery<Product>) async throws -> RowPage<Product> {
        try await database.page(query, where: "in_stock = \(true)")
    }

    /// Returns the categories that contain a text, with their number of products. Ignores products without a category.
    public func categories(_ query: CategoryQuery) async throws -> CategoryList {
        struct Counted: Decodable {
            let category: String
            let count: Int
            let total: Int
        }
        let matching: SQL =
            query.search.isEmpty
            ? "category <> ''" : database.dialect.contains(column: "category", text: query.search)
        let rows = try await database.query(
            """
            SELECT category, count(*) AS count, count(*) OVER () AS total FROM products WHERE \(matching)
            GROUP BY category ORDER BY \(database.dialect.alphabetical("category")), category LIMIT \(query.limit)
            """, query.search.isEmpty ? .list : .scan
        ).decode(Counted.self)
        return CategoryList(
            items: rows.map { CategoryCount(category: $0.category, count: $0.count) }, total: rows.first?.total ?? 0)
    }

    /// - Throws: ``Problem`` 404.
    public func find(_ id: ID<Product>) async throws -> Product {
        try await database.first(Product.self, "SELECT \(Product.columns) FROM products WHERE id = \(id)")
            .orNotFound()
    }

    /// - Throws: ``Problem`` 409 when another product has the SKU.
    public func create(_ input: ProductInput) async throws -> Product {
        try await uniquely {
            try await database.transaction { connection in
                connection.afterCommit { changed(.added) }
                let product = try await connection.one(
                    Product.self,
                    "INSERT INTO products \(values: input, stamped: clock.now) RETURNING \(Product.columns)")
                try await emitAdded([product], on: connection)
                return product
            }
        }
    }

    /// Adds all products or none, a few hundred per statement.
    /// - Parameter progress: called with the number of products added so far.
    /// - Throws: ``Problem`` 409 when a SKU is already taken.
    public func create(
        all inputs: [ProductInput], progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        try await uniquely {
            try await database.transaction { connection in
                connection.afterCommit { changed(.added) }
                for batch in inputs.batches(of: Self.batchSize) {
                    try await insert(batch, on: connection)
                    progress(batch.endIndex)
                }
            }
        }
    }

    /// - Parameter inputs: at most ``batchSize``.
    func insert(_ inputs: some Sequence<ProductInput>, on connection: any Connection) async throws {
        let added = try await connection.all(
            Product.self, "INSERT INTO products \(rows: inputs, stamped: clock.now) RETURNING \(Product.columns)")
        try await emitAdded(added, on: connection)
    }

    /// Returns those of the SKUs that products already have.
    public func taken(_ skus: [String]) async throws -> Set<String> {
        var taken: Set<String> = []
        for batch in skus.batches(of: Self.batchSize) {
            let found = try await database.values(
                String.self, "SELECT sku FROM products WHERE sku IN \(list: batch)")
            taken.formUnion(found)
        }
        return taken
    }

    /// - Parameter change: returns the changed product.
    /// - Throws: ``Problem`` 404, 409 when another product has the SKU, 412 when the precondition fails.
    public func update(
        _ id: ID<Product>, if precondition: Precondition,
        _ change: @escaping @Sendable (Product) throws -> ProductInput
    ) async throws -> Product {
        try await uniquely {
            try await database.change(Product.self, id, if: precondition) { current, connection in
                connection.afterCommit { changed(.product(id)) }
                let product = try await connection.one(
                    Product.self,
                    """
                    UPDATE products SET \(set: change(current)), updated_at = \(clock.now.next(after: current.updatedAt))
                    WHERE id = \(id) RETURNING \(Product.columns)
                    """)
                try await emitChanged([(current, product)], on: connection)
                return product
            }
        }
    }

    /// - Throws: ``Problem`` 404, 412 when the precondition fails.
    public func delete(_ id: ID<Product>, if precondition: Precondition) async throws {
        try await database.change(Product.self, id, if: precondition) { _, connection in
            connection.afterCommit { changed(.product(id)) }
            try await connection.execute("DELETE FROM products WHERE id = \(id)")
            try await messages.emit(ProductDeleted(productID: id.rawValue), on: connection)
        }
    }

    /// Takes units out of stock, all or none. Safe for concurrent buyers.
    /// - Throws: ``Problem`` 404, 409 `out_of_stock` when there are too few.
    public func reduceStock(of id: ID<Product>, by quantity: Int) async throws -> Product {
        try await database.change(Product.self, id) { current, connection in
            guard current.stock >= quantity else {
                throw Problem.conflict("There are only \(current.stock) in stock.", code: "out_of_stock")
            }
            connection.afterCommit { changed(.product(id)) }
            let product = try await connection.one(
                Product.self,
                """
                UPDATE products SET stock = stock - \(quantity), updated_at = \(clock.now.next(after: current.updatedAt))
                WHERE id = \(id) RETURNING \(Product.columns)
                """)
            try await messages.emit(StockChanged(product, from: current.stock), on: connection)
            return product
        }
    }
}

public import MartletCore
public import MartletData
public import MartletWeb

/// The products in the database. Every public method is one transaction.
public struct ProductStore: Sendable {
    /// The maximum number of rows per statement, because databases limit the number of parameters.
    static let batchSize = 500

    let database: Database
    let clock: WallClock

    public init(database: Database, clock: WallClock = .system) {
        self.database = database
        self.clock = clock
    }

    public func list(_ query: ListQuery<Product>) async throws -> RowPage<Product> {
        try await database.page(query)
    }

    public func listInStock(_ query: ListQuery<Product>) async throws -> RowPage<Product> {
        try await database.page(query, where: "in_stock = \(true)")
    }

    /// - Throws: ``Problem`` 404.
    public func find(_ id: ID<Product>) async throws -> Product {
        try await database.first(Product.self, "SELECT \(Product.columns) FROM products WHERE id = \(id)")
            .orNotFound()
    }

    /// - Throws: ``Problem`` 409 when another product has the SKU.
    public func create(_ input: ProductInput) async throws -> Product {
        try await uniquely {
            try await database.first(Product.self, "\(insertion(of: [input])) RETURNING \(Product.columns)")
                .orNotFound()
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
                for start in stride(from: 0, to: inputs.count, by: Self.batchSize) {
                    let batch = inputs[start..<min(start + Self.batchSize, inputs.count)]
                    try await connection.execute(insertion(of: batch))
                    progress(start + batch.count)
                }
            }
        }
    }

    /// Returns those of the SKUs that products already have.
    public func taken(_ skus: [String]) async throws -> Set<String> {
        var taken: Set<String> = []
        for start in stride(from: 0, to: skus.count, by: Self.batchSize) {
            let batch = Array(skus[start..<min(start + Self.batchSize, skus.count)])
            let rows = try await database.query("SELECT sku FROM products WHERE sku IN \(list: batch)")
            for row in rows { taken.insert(try row["sku", as: String.self]) }
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
            try await database.transaction { connection in
                let current = try await lock(id, on: connection)
                try precondition.require(current)
                let input = try change(current)
                return try await connection.first(
                    Product.self,
                    """
                    UPDATE products SET name = \(input.name), sku = \(input.sku), price = \(input.price),
                        currency = \(input.currency), description = \(input.description), category = \(input.category),
                        stock = \(input.stock), updated_at = \(clock.now.next(after: current.updatedAt))
                    WHERE id = \(id) RETURNING \(Product.columns)
                    """
                ).orNotFound()
            }
        }
    }

    /// - Throws: ``Problem`` 404, 412 when the precondition fails.
    public func delete(_ id: ID<Product>, if precondition: Precondition) async throws {
        try await database.transaction { connection in
            try precondition.require(try await lock(id, on: connection))
            try await connection.execute("DELETE FROM products WHERE id = \(id)")
        }
    }

    /// Takes units out of stock, all or none. Safe for concurrent buyers.
    /// - Throws: ``Problem`` 404, 409 `out_of_stock` when there are too few.
    public func reduceStock(of id: ID<Product>, by quantity: Int) async throws -> Product {
        try await database.transaction { connection in
            let current = try await lock(id, on: connection)
            guard current.stock >= quantity else {
                throw Problem.conflict("There are only \(current.stock) in stock.", code: "out_of_stock")
            }
            return try await connection.first(
                Product.self,
                """
                UPDATE products SET stock = stock - \(quantity), updated_at = \(clock.now.next(after: current.updatedAt))
                WHERE id = \(id) RETURNING \(Product.columns)
                """
            ).orNotFound()
        }
    }

    /// Reads and locks a product until the transaction ends.
    private func lock(_ id: ID<Product>, on connection: any Connection) async throws -> Product {
        try await connection.first(
            Product.self, "SELECT \(Product.columns) FROM products WHERE id = \(id)\(database.dialect.forUpdate)"
        ).orNotFound()
    }

    func insertion(of inputs: ArraySlice<ProductInput>) -> SQL {
        let now = clock.now
        let rows = inputs.map { input -> SQL in
            """
            (\(input.name), \(input.sku), \(input.price), \(input.currency), \(input.description),
                \(input.category), \(input.stock), \(now), \(now))
            """
        }
        return """
            INSERT INTO products (name, sku, price, currency, description, category, stock, created_at, updated_at)
            VALUES \(rows.joined(separator: ", "))
            """
    }
}

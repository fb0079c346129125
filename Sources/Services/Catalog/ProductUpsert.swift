import MartletCore
import MartletData
import MartletWeb

/// One row of a file that adds products or changes those that are there, by their SKU.
public struct ProductChange: Sendable {
    /// What a row can speak of beside the SKU.
    public enum Field: String, CaseIterable, Sendable {
        case name, price, currency, description, category, stock
    }

    /// Its SKU says which product is meant. What `fields` does not name is of meaning for a new product only.
    public let product: ProductInput
    /// What the row speaks of; everything else of a product that is there stays as it is.
    public let fields: Set<Field>

    public init(_ product: ProductInput, fields: Set<Field>) {
        self.product = product
        self.fields = fields
    }

    /// The current product with the row laid over it.
    func applied(to current: Product) -> ProductInput {
        func pick<Value>(_ field: Field, _ new: Value, _ old: Value) -> Value { fields.contains(field) ? new : old }
        return ProductInput(
            name: pick(.name, product.name, current.name), sku: current.sku,
            price: pick(.price, product.price, current.price),
            currency: pick(.currency, product.currency, current.currency),
            description: pick(.description, product.description, current.description),
            category: pick(.category, product.category, current.category),
            stock: pick(.stock, product.stock, current.stock))
    }
}

/// What became of the rows of a file.
public struct UpsertCounts: Sendable, Equatable {
    public var created = 0
    public var updated = 0
    /// Rows that say what is there already; their products keep their version.
    public var unchanged = 0

    public init(created: Int = 0, updated: Int = 0, unchanged: Int = 0) {
        self.created = created
        self.updated = updated
        self.unchanged = unchanged
    }
}

extension ProductStore {
    /// Adds the products whose SKU is new and changes the others, all of them or none, some hundred a statement.
    /// - Parameter progress: is told how many rows are done so far.
    /// - Throws: ``Problem`` 422 that names the rows, counted from 0 (`rows`, `17`, `sku`), that have no SKU, have one
    ///   that an earlier row has, or are new and lack a name or a price; 409 when somebody else adds one of the SKUs
    ///   meanwhile.
    public func upsert(
        _ changes: [ProductChange], progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> UpsertCounts {
        let keys = try Self.keys(of: changes)
        return try await uniquely {
            try await database.transaction { connection in
                var counts = UpsertCounts()
                for start in stride(from: 0, to: changes.count, by: Self.batchSize) {
                    let rows = start..<min(start + Self.batchSize, changes.count)
                    try await upsert(changes, rows, keys, on: connection, &counts)
                    progress(rows.upperBound)
                }
                return counts
            }
        }
    }

    /// The rows' SKUs as bytes, which is how databases compare them.
    private static func keys(of changes: [ProductChange]) throws(Problem) -> [[UInt8]] {
        var seen: Set<[UInt8]> = []
        var errors: [FieldError] = []
        let keys = changes.enumerated().map { index, change -> [UInt8] in
            guard let sku = change.product.sku else {
                errors.append(rowError(index, "sku", "This field is required.", "required"))
                return []
            }
            let key = Array(sku.utf8)
            if !seen.insert(key).inserted {
                errors.append(rowError(index, "sku", "An earlier row has the same SKU.", "duplicate"))
            }
            return key
        }
        guard errors.isEmpty else { throw .invalid(errors) }
        return keys
    }

    private func upsert(
        _ changes: [ProductChange], _ rows: Range<Int>, _ keys: [[UInt8]], on connection: any Connection,
        _ counts: inout UpsertCounts
    ) async throws {
        // Locked in one order, so that two imports at once wait for each other instead of for ever.
        let found = try await connection.all(
            Product.self,
            """
            SELECT \(Product.columns) FROM products WHERE sku IN \(list: rows.compactMap { changes[$0].product.sku })
            ORDER BY id\(connection.dialect.forUpdate)
            """)
        let current = Dictionary(found.map { (Array(($0.sku ?? "").utf8), $0) }) { first, _ in first }
        var added: [ProductInput] = []
        var changed: [(ProductInput, Timestamp)] = []
        var errors: [FieldError] = []
        for row in rows {
            let change = changes[row]
            guard let product = current[keys[row]] else {
                for (field, name) in [(ProductChange.Field.name, "name"), (.price, "price")]
                where !change.fields.contains(field) {
                    errors.append(
                        Self.rowError(row, name, "A new product needs this field; no product has the SKU.", "required"))
                }
                added.append(change.product)
                continue
            }
            let input = change.applied(to: product)
            if input.isSame(as: product) {
                counts.unchanged += 1
            } else {
                changed.append((input, clock.now.next(after: product.updatedAt)))
            }
        }
        guard errors.isEmpty else { throw Problem.invalid(errors) }
        if !added.isEmpty { try await connection.execute(insertion(of: added[...])) }
        if !changed.isEmpty { try await connection.execute(update(to: changed)) }
        counts.created += added.count
        counts.updated += changed.count
    }

    /// One statement for many rows, all of which are there and locked: each meets its own SKU.
    private func update(to rows: [(ProductInput, Timestamp)]) -> SQL {
        let values = rows.map { input, version -> SQL in
            """
            (\(input.name), \(input.sku), \(input.price), \(input.currency), \(input.description),
                \(input.category), \(input.stock), \(version), \(version))
            """
        }
        return """
            INSERT INTO products (name, sku, price, currency, description, category, stock, created_at, updated_at)
            VALUES \(values.joined(separator: ", "))
            ON CONFLICT (sku) DO UPDATE SET name = excluded.name, price = excluded.price,
                currency = excluded.currency, description = excluded.description, category = excluded.category,
                stock = excluded.stock, updated_at = excluded.updated_at
            """
    }

    private static func rowError(_ row: Int, _ field: String, _ message: String, _ code: String) -> FieldError {
        FieldError(loc: ["rows", String(row), field], message: message, code: code)
    }
}

extension ProductInput {
    /// Texts are compared as bytes: what is written is what was sent.
    fileprivate func isSame(as product: Product) -> Bool {
        price == product.price && stock == product.stock && name.isExactly(product.name)
            && currency.isExactly(product.currency) && description.isExactly(product.description)
            && category.isExactly(product.category)
    }
}

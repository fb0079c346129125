import MartletCore
import MartletData
import MartletWeb

/// One row of a file that adds or updates products by SKU.
public struct ProductChange: Sendable {
    /// The fields that a row can set besides the SKU.
    public enum Field: String, CaseIterable, Sendable {
        case name, price, currency, description, category, stock
    }

    /// Its SKU selects the product. Fields not in `fields` apply to a new product only.
    public let product: ProductInput
    /// The fields that the row sets. Other fields of an existing product are left unchanged.
    public let fields: Set<Field>

    public init(_ product: ProductInput, fields: Set<Field>) {
        self.product = product
        self.fields = fields
    }

    /// The current product with the row applied.
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

/// The result of an upsert, in rows.
public struct UpsertCounts: Sendable, Equatable {
    public var created = 0
    public var updated = 0
    /// Rows that change nothing. Their products keep their version.
    public var unchanged = 0

    public init(created: Int = 0, updated: Int = 0, unchanged: Int = 0) {
        self.created = created
        self.updated = updated
        self.unchanged = unchanged
    }
}

extension ProductStore {
    /// Adds products with a new SKU and updates the others, all or none, a few hundred per statement.
    /// - Parameter progress: called with the number of rows processed so far.
    /// - Throws: ``Problem`` 422 that lists the rows, counted from 0 (`rows`, `17`, `sku`), without a SKU, with the SKU
    ///   of an earlier row, or for a new product without name or price; 409 when one of the SKUs is added concurrently.
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

    /// The SKUs of the rows as bytes, the form in which databases compare them.
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
        // Lock in a fixed order, so that two concurrent imports do not deadlock.
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
                        Self.rowError(row, name, "Required for a new product; no product has the SKU.", "required"))
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

    /// One statement that updates many rows. All of them exist and are locked, so each conflicts with its own SKU.
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
    /// Compares texts as bytes, so that what was sent is what is stored.
    fileprivate func isSame(as product: Product) -> Bool {
        price == product.price && stock == product.stock && name.isExactly(product.name)
            && currency.isExactly(product.currency) && description.isExactly(product.description)
            && category.isExactly(product.category)
    }
}

import MartletCore
import MartletData

/// One row of a file that adds or updates products by SKU.
public struct ProductChange: Sendable {
    /// Its SKU selects the product. Fields not in `fields` apply to a new product only.
    public let product: ProductInput
    /// The JSON names of the fields that the row sets. Other fields of an existing product are left unchanged.
    public let fields: Set<String>

    public init(_ product: ProductInput, fields: Set<String>) {
        self.product = product
        self.fields = fields
    }

    /// The stored row with this change applied; nil when nothing changes.
    fileprivate func row(over current: Product, at now: Timestamp) throws -> ColumnValues? {
        let input = try ColumnValues(of: product)
        let said = input.only(fields)
        let stored = try ColumnValues(of: current)
        guard !stored.contains(said) else { return nil }
        return stored.only(input.names).with(said).with([
            "created_at": current.createdAt, "updated_at": now.next(after: current.updatedAt),
        ])
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
    private static let requiredFields = Schema.of(ProductInput.self).requiredFields

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
                connection.afterCommit { changed(.many) }
                var counts = UpsertCounts()
                for rows in changes.indices.batches(of: Self.batchSize) {
                    try await upsert(changes, rows, keys, on: connection, &counts)
                    progress(rows.upperBound)
                }
                return counts
            }
        }
    }

    /// Like ``upsert(_:progress:)``, within a transaction.
    /// - Parameter changes: at most ``batchSize``.
    func upsert(_ changes: [ProductChange], on connection: any Connection) async throws -> UpsertCounts {
        var counts = UpsertCounts()
        try await upsert(changes, changes.indices, Self.keys(of: changes), on: connection, &counts)
        return counts
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
        var changed: [ColumnValues] = []
        var errors: [FieldError] = []
        for row in rows {
            let change = changes[row]
            guard let product = current[keys[row]] else {
                for field in Self.requiredFields where !change.fields.contains(field) {
                    errors.append(
                        Self.rowError(row, field, "A new product needs this field; no product has the SKU.", "required")
                    )
                }
                added.append(change.product)
                continue
            }
            if let row = try change.row(over: product, at: clock.now) {
                changed.append(row)
            } else {
                counts.unchanged += 1
            }
        }
        guard errors.isEmpty else { throw Problem.invalid(errors) }
        if !added.isEmpty {
            try await insert(added, on: connection)
        }
        if let first = changed.first {
            // All these rows exist and are locked, so the statement only updates.
            let products = try await connection.all(
                Product.self,
                """
                INSERT INTO products \(rows: changed) ON CONFLICT (sku) DO UPDATE SET \(excluded: first)
                RETURNING \(Product.columns)
                """)
            let before = Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
            try await emitChanged(
                products.compactMap { product in before[product.id].map { ($0, product) } }, on: connection)
        }
        counts.created += added.count
        counts.updated += changed.count
    }

    private static func rowError(_ row: Int, _ field: String, _ message: String, _ code: String) -> FieldError {
        FieldError(loc: ["rows", String(row), field], message: message, code: code)
    }
}

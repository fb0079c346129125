import MartletCore
import MartletData
public import MartletMessaging

/// Loads the rows of a file in the background, a batch in each transaction.
///
/// The rows wait in the database, so that the job runs wherever the service does, and goes on where it was interrupted.
public struct LoadProducts: Job {
    let importID: String
    let rows: Int
    /// Whether products with the same SKU are updated.
    let isUpdate: Bool

    /// The declaration of the job, with its handler.
    static func declaration(
        use handler: @escaping @Sendable (LoadProducts, JobRun) async throws -> Void
    ) -> Run<LoadProducts> {
        Run(LoadProducts.self, use: handler).queue("imports", concurrency: 1).timeout(.seconds(4 * 3600))
    }
}

/// Rows that wait to be loaded.
private struct ImportBatch: Codable {
    struct Row: Codable {
        let product: ProductInput
        let fields: [String]
    }

    let rows: [Row]

    init(_ changes: some Sequence<ProductChange>) {
        rows = changes.map { Row(product: $0.product, fields: $0.fields.sorted()) }
    }

    var changes: [ProductChange] { rows.map { ProductChange($0.product, fields: Set($0.fields)) } }
}

extension ProductStore {
    /// Stores rows and enqueues the job that loads them.
    /// - Parameter isUpdate: whether to update the products with the same SKU and add the others, instead of adding all.
    /// - Returns: the id of the job.
    public func loadLater(_ changes: [ProductChange], isUpdate: Bool) async throws -> Int64 {
        let id = SecureRandom.text(bytes: 16)
        return try await database.transaction { connection in
            for (number, rows) in changes.batches(of: Self.batchSize).enumerated() {
                let batch: ColumnValues = [
                    "import_id": id, "number": number,
                    "rows": String(decoding: try JSONWriter.bytes(of: ImportBatch(rows)), as: UTF8.self),
                ]
                try await connection.execute("INSERT INTO import_batches \(values: batch)")
            }
            let job = LoadProducts(importID: id, rows: changes.count, isUpdate: isUpdate)
            switch try await messages.enqueue(job, on: connection) {
            case .inserted(let job), .duplicate(let job): return job
            }
        }
    }

    /// Loads the next batch of an import.
    /// - Parameter run: stores the number of rows loaded, in the same transaction.
    /// - Returns: the number of rows loaded, or nil when there is no batch left.
    func loadBatch(of job: LoadProducts, after done: Int, _ run: JobRun) async throws -> Int? {
        try await database.transaction { connection in
            struct Staged: Decodable {
                let number: Int
                let rows: ImportBatch
            }
            let staged = try await connection.first(
                Staged.self,
                "SELECT number, rows FROM import_batches WHERE import_id = \(job.importID) ORDER BY number LIMIT 1")
            guard let staged else { return nil }
            let changes = staged.rows.changes
            if job.isUpdate {
                _ = try await upsert(changes, on: connection)
            } else {
                try await insert(changes.map(\.product), on: connection)
            }
            try await connection.execute(
                "DELETE FROM import_batches WHERE import_id = \(job.importID) AND number = \(staged.number)")
            try await run.save(done + changes.count, on: connection)
            return changes.count
        }
    }
}

extension CatalogService {
    @Sendable func loadProducts(_ job: LoadProducts, _ run: JobRun) async throws {
        var done = try run.cursor(as: Int.self) ?? 0
        while true {
            try run.checkCancelled()
            do {
                guard let count = try await products.loadBatch(of: job, after: done, run) else { return }
                done += count
            } catch DatabaseError.unique(let columns) {
                throw GiveUp("another product has the same \(columns.joined(separator: ", ")); \(done) rows are loaded")
            } catch let problem as Problem {
                let reasons = problem.errors.prefix(5).map { "\($0.loc.joined(separator: ".")): \($0.message)" }
                throw GiveUp("\(reasons.joined(separator: " ")) \(done) rows are loaded.")
            }
            run.progress(done, of: job.rows)
        }
    }
}

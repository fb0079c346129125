public import MartletCore
import Synchronization

/// A row of a table that is also a resource of the API: one declaration gives the columns, the JSON, the schema, the
/// rules and what lists may do.
///
/// A model has an `id` column; its properties in camelCase are columns in snake_case. Pages are written from the rows
/// themselves where that is the same, see ``RowPage``: an `encode(to:)` of its own must not depend on the values.
public protocol Model: Codable, Sendable, Described {
    /// The table's name.
    static var table: String { get }
}

extension Model {
    /// The name of the resource in messages: `Product`.
    public static var noun: String { String(describing: Self.self) }

    /// The columns of the model, for a `SELECT` or a `RETURNING`.
    public static var columns: SQL { ModelColumns.shared.of(Self.self) }
}

/// The columns of a model are found once: it takes a run of its decoder.
private final class ModelColumns: Sendable {
    static let shared = ModelColumns()

    private let known = Mutex<[ObjectIdentifier: SQL]>([:])

    func of<Row: Model>(_ model: Row.Type) -> SQL {
        let key = ObjectIdentifier(model)
        if let columns = known.withLock({ $0[key] }) { return columns }
        let columns = Row.fields.map { field in "\(identifier: field.name)" as SQL }.joined(separator: ", ")
        known.withLock { $0[key] = columns }
        return columns
    }
}

extension Model {
    static var fields: [ObjectSchema.Field] {
        if case .object(let schema) = Schema.of(Self.self) { schema.fields } else { [] }
    }
}

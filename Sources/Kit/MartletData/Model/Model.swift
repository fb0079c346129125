public import MartletCore
import Synchronization

/// A row of a table that is also a resource of the API. One declaration defines the columns, the JSON, the schema, the
/// rules and the list parameters.
///
/// A model has an `id` column. Its camelCase properties are snake_case columns. Pages are written directly from rows if
/// that gives the same JSON (see ``RowPage``), so a custom `encode(to:)` must not depend on the values.
public protocol Model: Codable, Sendable, Described {
    /// The table's name.
    static var table: String { get }
    /// The name of the resource in messages. Default: the name of the type, `Product`.
    static var noun: String { get }
}

extension Model {
    public static var noun: String { String(describing: Self.self) }

    /// The names of the columns, which are those of the JSON.
    public static var fieldNames: [String] { fields.map(\.name) }

    /// The columns of the model, for `SELECT` or `RETURNING`.
    public static var columns: SQL { ModelColumns.shared.of(Self.self) }
}

/// Caches the columns of models: finding them takes a run of the model's decoder.
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

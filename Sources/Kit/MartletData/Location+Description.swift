/// For logs: a PostgreSQL URL may hold a password, in its authority or among its parameters.
extension Database.Location: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .sqliteInMemory: "sqlite::memory:"
        case .postgres(_, let schema): "postgres (schema \(schema))"
        }
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["location": description]) }
}

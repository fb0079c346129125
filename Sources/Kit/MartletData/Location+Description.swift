/// Descriptions for logs omit the PostgreSQL URL: its authority or its parameters may contain a password.
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

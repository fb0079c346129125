import MartletCore

/// Runs a change and turns a clash with a unique column into what the client can act on.
/// - Throws: ``Problem`` 409 that names the field; what else `change` throws.
public func uniquely<Value: Sendable>(_ change: () async throws -> Value) async throws -> Value {
    do {
        return try await change()
    } catch DatabaseError.unique(let columns) {
        let errors = columns.map {
            FieldError(loc: ["body", $0], message: "Is taken already.", code: "already_exists")
        }
        throw Problem.conflict(
            "There is one with the same \(columns.joined(separator: ", ")) already.", code: "already_exists",
            errors: errors)
    }
}

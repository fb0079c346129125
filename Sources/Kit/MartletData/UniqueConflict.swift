import MartletCore

/// Runs a change and reports the violation of a unique column as a problem that the client can act on.
/// - Throws: ``Problem`` 409 that names the field; any other error of `change`.
public func uniquely<Value: Sendable>(_ change: () async throws -> Value) async throws -> Value {
    do {
        return try await change()
    } catch DatabaseError.unique(let columns) {
        let errors = columns.map {
            FieldError(loc: ["body", $0], message: "Already taken.", code: "already_exists")
        }
        throw Problem.conflict(
            "Another one already has this \(columns.joined(separator: ", ")).", code: "already_exists",
            errors: errors)
    }
}

/// The subscriber could not store a batch. It is received again after a while.
struct StoreFailure: Error {
    let reason: String

    /// Runs the subscriber's `store`.
    /// - Throws: ``StoreFailure``; `CancellationError` when the task is cancelled.
    static func wrap(_ store: () async throws -> Void) async throws {
        do {
            try await store()
        } catch {
            try Task.checkCancellation()
            throw StoreFailure(reason: "\(error)")
        }
    }
}

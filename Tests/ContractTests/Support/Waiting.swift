/// The error of a condition that did not become true in time.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Polls a condition until it holds.
/// - Throws: ``TimedOut`` with the result of the last attempt.
func eventually<Value: Sendable>(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    var last = ""
    repeat {
        do {
            if let value = try await condition() { return value }
        } catch {
            last = ": \(error)"
        }
        try await Task.sleep(for: .milliseconds(20))
    } while ContinuousClock.now < deadline
    throw TimedOut(description: "\(what) has not happened within \(limit)\(last)")
}

/// Runs an operation with a time limit.
func within<Value: Sendable>(
    _ limit: Duration, _ what: String, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: operation)
        group.addTask {
            try await Task.sleep(for: limit)
            throw TimedOut(description: "\(what) has not ended within \(limit)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw TimedOut(description: what) }
        return first
    }
}

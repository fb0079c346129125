/// An effect that a test has waited for in vain.
public struct DidNotHappen: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// Waits until `condition` holds. It is asked again and again, also after an error.
/// - Parameters:
///   - effect: what is waited for: `"the second question"`.
///   - limit: far longer than it ever takes. Only a test that fails waits for so long.
/// - Throws: ``DidNotHappen``, with the last error.
public func eventually(
    _ effect: String, within limit: Duration = .seconds(30), line: Int = #line, file: String = #fileID,
    _ condition: () async throws -> Bool
) async throws {
    try await eventually(effect, within: limit, line: line, file: file) { try await condition() ? () : nil }
}

/// Waits until `find` finds something, and returns it. It is asked again and again, also after an error.
/// - Throws: ``DidNotHappen``, with the last error.
@discardableResult
public func eventually<Value>(
    _ effect: String, within limit: Duration = .seconds(30), line: Int = #line, file: String = #fileID,
    _ find: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    var pause = Duration.milliseconds(1)
    while true {
        var reason = ""
        do {
            if let value = try await find() { return value }
        } catch {
            reason = ": \(error)"
        }
        guard ContinuousClock.now < deadline else {
            throw DidNotHappen(description: "\(effect) has not happened within \(limit) (\(file):\(line))\(reason)")
        }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(20))
    }
}

/// Runs an operation that must end in time.
/// - Throws: ``DidNotHappen``, or what `operation` throws.
public func within<Value: Sendable>(
    _ limit: Duration, _ effect: String, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: operation)
        group.addTask {
            try await Task.sleep(for: limit)
            throw DidNotHappen(description: "\(effect) has not happened within \(limit)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw DidNotHappen(description: effect) }
        return first
    }
}

/// Lets real time pass, where neither a clock can be moved nor an effect be waited for: a timer of a real socket or process
/// is under test, or that something does *not* happen.
/// - Parameter reason: which of them.
public func letTimePass(_ duration: Duration, because reason: StaticString) async throws {
    try await Task.sleep(for: duration)
}

/// Waits for its task to be cancelled.
public func untilCancelled() async throws {
    try await Task.sleep(for: .seconds(86_400))
}

import Dispatch

/// Reads and compiles configurations, one at a time. A large file takes long, so this happens on a queue of its own:
/// never on an event loop, and never on a thread that serves requests.
package enum ConfigurationThread {
    static let queue = DispatchQueue(label: "gateway.configuration", qos: .utility)

    /// Runs `body` on the configuration queue and returns its result. `body` must not call this function.
    package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}

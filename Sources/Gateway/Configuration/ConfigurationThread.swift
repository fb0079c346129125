import Dispatch

/// Where configurations are read and compiled: one after the other, and on no event loop and no thread that requests are
/// answered on. A large file takes a while.
package enum ConfigurationThread {
    static let queue = DispatchQueue(label: "gateway.configuration", qos: .utility)

    /// Does something that takes a while, and waits for it. Must not be called from within itself.
    package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}

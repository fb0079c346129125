import MartletCore
import MartletSystem
import NIOCore

/// Connects to a server whose accept queue may be full.
///
/// TCP retries by itself. A Unix socket fails at once with EAGAIN, although the server may accept the next connection
/// within a millisecond.
enum PatientConnect {
    private static let backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(50))

    /// Calls `connect` until it succeeds, fails with an error that waiting cannot fix, or time is up.
    static func connect(
        on eventLoop: any EventLoop, within timeout: TimeAmount,
        _ connect: @escaping @Sendable () -> EventLoopFuture<any Channel>
    ) -> EventLoopFuture<any Channel> {
        attempt(on: eventLoop, until: .now() + timeout, failures: 0, connect)
    }

    private static func attempt(
        on eventLoop: any EventLoop, until deadline: NIODeadline, failures: Int,
        _ connect: @escaping @Sendable () -> EventLoopFuture<any Channel>
    ) -> EventLoopFuture<any Channel> {
        connect().flatMapError { error in
            let wait = TimeAmount(backoff.wait(after: failures + 1))
            guard hasNoRoom(error), .now() + wait < deadline else { return eventLoop.makeFailedFuture(error) }
            return eventLoop.flatScheduleTask(in: wait) {
                attempt(on: eventLoop, until: deadline, failures: failures + 1, connect)
            }.futureResult
        }
    }

    /// Whether the server's accept queue is full.
    static func hasNoRoom(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == EAGAIN }
}

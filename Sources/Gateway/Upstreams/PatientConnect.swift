import MartletCore
import MartletSystem
import NIOCore

/// Connecting to a server that has no room in its queue of connections for the moment.
///
/// TCP asks again by itself. A Unix socket refuses at once, with EAGAIN, though the server takes the next connection in a
/// millisecond.
enum PatientConnect {
    private static let backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(50))

    /// Calls `connect` until there is a connection, or an error that waiting does not help against, or no time left.
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

    /// Whether the server's queue of connections is full.
    static func hasNoRoom(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == EAGAIN }
}

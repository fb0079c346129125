public import Logging
public import NIOCore

/// A client for one Redis server, with one connection on one event loop.
///
/// ```swift
/// let redis = RedisClient(.init(try RedisLocation(url: "redis://127.0.0.1/0")), eventLoop: loop, logger: logger)
/// try await redis.send(["SET", "greeting", "hello", "PX", 5000])
/// let value = try await redis.send(["GET", "greeting"]).text
/// await redis.close()
/// ```
///
/// Commands are pipelined: none waits for the reply to another. The first command opens the connection. While Redis is
/// unreachable, commands fail immediately with ``RedisError/unavailable``, and the client reconnects in the background.
/// Commands are never retried, because only the caller knows whether that is safe.
///
/// A blocking command delays all others. Subscriptions are not supported, because their messages are not replies.
public final class RedisClient: Sendable {
    /// The event loop of the connection.
    public let eventLoop: any EventLoop
    private let session: NIOLoopBoundBox<RedisSession>

    public init(_ configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.eventLoop = eventLoop
        session = NIOLoopBoundBox.makeBoxSendingValue(
            RedisSession(configuration, eventLoop: eventLoop, logger: logger), eventLoop: eventLoop)
    }

    /// Sends a command and waits for its reply.
    /// - Parameter timeout: replaces ``RedisConfiguration/timeout`` for this command.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func send(_ command: [RedisArgument], timeout: TimeAmount? = nil) async throws -> RedisValue {
        try await submit(command, timeout: timeout).get()
    }

    /// Sends a command. On ``eventLoop`` there is no thread hop: the reply completes the future there.
    /// - Parameter timeout: replaces ``RedisConfiguration/timeout`` for this command.
    /// - Returns: the reply, or a ``RedisError``.
    public func submit(_ command: [RedisArgument], timeout: TimeAmount? = nil) -> EventLoopFuture<RedisValue> {
        let promise = eventLoop.makePromise(of: RedisValue.self)
        if eventLoop.inEventLoop {
            session.value.send(command, timeout: timeout, promise)
        } else {
            eventLoop.execute { [session] in session.value.send(command, timeout: timeout, promise) }
        }
        return promise.futureResult
    }

    /// A human-readable reason why Redis is unavailable, such as a rejected password or a failed connection. Nil while
    /// it responds, and before the first command. Use it on ``eventLoop`` only.
    public var failure: String? { session.value.failure }

    /// Closes the connection. Pending commands fail. Must be called, because an open connection keeps itself alive.
    public func close() async {
        try? await eventLoop.submit { [session] in session.value.close() }.get()
    }

    /// Like ``close()``, without waiting. Call it on ``eventLoop``.
    public func closeNow() { session.value.close() }
}

/// The settings of a client.
public struct RedisConfiguration: Sendable {
    public var location: RedisLocation
    /// The longest time from sending a command to its reply, including the wait for a connection. After it, the command
    /// fails with ``RedisError/timeout`` and the connection is replaced, because replies come in order. Default: 1 s.
    public var timeout = TimeAmount.seconds(1)
    /// The longest time until Redis responds on a new connection. Default: 2 s.
    public var connectTimeout = TimeAmount.seconds(2)
    /// The delay before reconnecting. Doubles up to ``maximumBackoff``; half of it is random. Default: 50 ms.
    public var backoff = TimeAmount.milliseconds(50)
    /// The longest delay before reconnecting. Default: 2 s.
    public var maximumBackoff = TimeAmount.seconds(2)
    /// The maximum number of pending commands. Further ones fail with ``RedisError/overloaded``. Default: 10,000.
    public var maximumCommands = 10_000
    /// The maximum bytes of pending commands. Further ones fail with ``RedisError/overloaded``. Default: 16 MiB.
    public var maximumCommandBytes = 16 << 20
    /// The maximum size of a reply in memory. A larger one fails with ``RedisError/invalidReply(_:)``. Default: 16 MiB.
    public var maximumReplyBytes = 16 << 20

    public init(_ location: RedisLocation) { self.location = location }
}

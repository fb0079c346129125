public import Logging
public import NIOCore

/// Commands for one Redis over one connection, on one event loop.
///
/// ```swift
/// let redis = RedisClient(.init(try RedisLocation(url: "redis://127.0.0.1/0")), eventLoop: loop, logger: logger)
/// try await redis.send(["SET", "greeting", "hello", "PX", 5000])
/// let value = try await redis.send(["GET", "greeting"]).text
/// await redis.close()
/// ```
///
/// Commands are pipelined: none waits for the reply to another. The connection is opened by the first one. When Redis is
/// away, commands fail with ``RedisError/unavailable`` at once, and the client looks by itself whether it is back. A
/// command is sent once; whether it may be sent again only its sender knows.
///
/// Blocking commands hold up all others; subscriptions are not for this client, as their messages are no replies.
public final class RedisClient: Sendable {
    /// The loop of the connection.
    public let eventLoop: any EventLoop
    private let session: NIOLoopBoundBox<RedisSession>

    public init(_ configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.eventLoop = eventLoop
        session = NIOLoopBoundBox.makeBoxSendingValue(
            RedisSession(configuration, eventLoop: eventLoop, logger: logger), eventLoop: eventLoop)
    }

    /// Sends a command and waits for its reply.
    /// - Parameter timeout: for this command instead of ``RedisConfiguration/timeout``.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func send(_ command: [RedisArgument], timeout: TimeAmount? = nil) async throws -> RedisValue {
        try await submit(command, timeout: timeout).get()
    }

    /// Sends a command. On ``eventLoop`` nothing hops: the reply completes the future there.
    /// - Parameter timeout: for this command instead of ``RedisConfiguration/timeout``.
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

    /// Why Redis is away, for people: what it said to the password, to the database, or why it cannot be reached. Nil when
    /// it has answered since, and before the first command. On ``eventLoop`` only.
    public var failure: String? { session.value.failure }

    /// Ends the connection; commands under way fail. Must be called, as an open connection keeps itself alive.
    public func close() async {
        try? await eventLoop.submit { [session] in session.value.close() }.get()
    }

    /// As ``close()``, on ``eventLoop`` and without waiting.
    public func closeNow() { session.value.close() }
}

/// How a client speaks to Redis.
public struct RedisConfiguration: Sendable {
    public var location: RedisLocation
    /// From sending a command to its reply, waiting for a connection included; ``RedisError/timeout``, and a new
    /// connection, as replies come in order. Default 1 s.
    public var timeout = TimeAmount.seconds(1)
    /// For a connection on which Redis has answered. Default 2 s.
    public var connectTimeout = TimeAmount.seconds(2)
    /// The wait before Redis is looked for again. Doubles up to ``maximumBackoff``, jittered by half. Default 50 ms.
    public var backoff = TimeAmount.milliseconds(50)
    /// Default 2 s.
    public var maximumBackoff = TimeAmount.seconds(2)
    /// Most commands without a reply; ``RedisError/overloaded``. Default 10,000.
    public var maximumCommands = 10_000
    /// Most bytes of commands without a reply; ``RedisError/overloaded``. Default 16 MiB.
    public var maximumCommandBytes = 16 << 20
    /// Longest reply, as it is in memory; ``RedisError/invalidReply(_:)``. Default 16 MiB.
    public var maximumReplyBytes = 16 << 20

    public init(_ location: RedisLocation) { self.location = location }
}

import Logging
import MartletCore
import NIOCore
import NIOPosix

/// A client's connection and its pending commands. Confined to its event loop.
final class RedisSession {
    private let configuration: RedisConfiguration
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var lifecycle = RedisLifecycle()
    private var pipeline: RedisPipeline<EventLoopPromise<RedisValue>>
    private var connection: RedisConnectionHandler?
    /// The commands to write with the next flush or on the next connection.
    private var outgoing = ByteBuffer()
    private var isFlushScheduled = false
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?
    /// The number of the current attempt to connect, to ignore results of earlier ones.
    private var attempt = 0
    /// Why Redis is unavailable; nil while it responds, and before the first command.
    private(set) var failure: String?

    init(_ configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        pipeline = RedisPipeline(
            maximumCommands: configuration.maximumCommands, maximumBytes: configuration.maximumCommandBytes)
    }

    // MARK: commands

    func send(_ command: [RedisArgument], timeout: TimeAmount?, _ promise: EventLoopPromise<RedisValue>) {
        let admission = lifecycle.admit()
        if case .refuse(let error) = admission { return promise.fail(error) }
        let bytes = command.reduce(0) { $0 + $1.bytes.count }
        let deadline = NIODeadline.now() + (timeout ?? configuration.timeout)
        if pipeline.append(promise, bytes: bytes, deadline: deadline) {
            outgoing.writeCommand(command)
            arm(deadline)
        } else {
            promise.fail(RedisError.overloaded)
        }
        switch admission {
        case .connect: connect()
        case .write: scheduleFlush()
        case .hold, .refuse: break
        }
    }

    /// Schedules one write for all commands of a turn of the event loop.
    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard lifecycle.isReady, let connection, outgoing.readableBytes > 0 else { return }
        connection.write(outgoing)
        outgoing = ByteBuffer()
    }

    // MARK: the connection

    private func connect() {
        attempt &+= 1
        let attempt = attempt
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        let location = configuration.location
        let maximumReply = configuration.maximumReplyBytes
        ClientBootstrap(group: eventLoop)
            .connectTimeout(configuration.connectTimeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        RedisConnectionHandler(
                            location, maximumReply: maximumReply, session: box.value, attempt: attempt))
                }
            }
            .connect(host: location.host, port: location.port)
            .assumeIsolated().whenComplete { result in
                switch result {
                case .success(let channel):
                    // The attempt is too late, or the client was closed.
                    if self.attempt != attempt || !self.lifecycle.isConnecting { channel.close(promise: nil) }
                case .failure(let error):
                    if self.attempt == attempt { self.failed("\(error)", .unavailable) }
                }
            }
        // A Redis that accepts the connection but does not respond counts as unavailable.
        eventLoop.assumeIsolated().scheduleTask(in: configuration.connectTimeout) {
            guard self.attempt == attempt, self.lifecycle.isConnecting else { return }
            self.failed("no response", .unavailable)
        }
    }

    /// The connection is open, but Redis has not responded on it yet.
    func opened(_ handler: RedisConnectionHandler, attempt: Int) {
        guard lifecycle.isConnecting, self.attempt == attempt else { return handler.close() }
        connection = handler
    }

    /// Redis has responded on the connection.
    func ready() {
        logger.debug("connected to Redis", metadata: ["redis": "\(configuration.location)"])
        lifecycle.connected()
        failure = nil
        flush()
    }

    func received(_ value: RedisValue) {
        lifecycle.answered()
        guard let promise = pipeline.next() else { return failed("unexpected reply", .connectionLost) }
        if case .error(let message) = value {
            promise.fail(RedisError.refused(message))
        } else {
            promise.succeed(value)
        }
    }

    /// Redis has closed the connection.
    func ended() {
        guard lifecycle.isReady, pipeline.isEmpty else {
            return failed("connection closed", lifecycle.isReady ? .connectionLost : .unavailable)
        }
        lifecycle.endedUnused()
        connection = nil
        outgoing = ByteBuffer()
    }

    /// Gives up the connection, fails the pending commands, and schedules a reconnect.
    func failed(_ reason: String, _ error: RedisError) {
        guard let failures = lifecycle.failed() else { return }
        // A server's message may have any length.
        failure = String(reason.prefix(200))
        logger.debug(
            "Redis is not available", metadata: ["redis": "\(configuration.location)", "reason": "\(reason)"])
        let backoff = Backoff(initial: Duration(configuration.backoff), maximum: Duration(configuration.maximumBackoff))
        var generator = SystemRandomNumberGenerator()
        let delay = TimeAmount(backoff.jitteredWait(after: failures, using: &generator))
        eventLoop.assumeIsolated().scheduleTask(in: delay) {
            if self.lifecycle.rested() { self.connect() }
        }
        abandon(error)
    }

    func close() {
        guard !lifecycle.isClosed else { return }
        lifecycle.close()
        abandon(.closed)
    }

    private func abandon(_ error: RedisError) {
        let connection = self.connection
        self.connection = nil
        outgoing = ByteBuffer()
        timer?.task.cancel()
        timer = nil
        let now = NIODeadline.now()
        // Fail the promises last, because their callbacks may send the next command.
        let waiting = pipeline.removeAll()
        connection?.close()
        for entry in waiting { entry.waiter.fail(entry.deadline <= now && error != .closed ? .timeout : error) }
    }

    // MARK: time

    /// Sets one timer for all commands. When it fires, it is set again for the next deadline.
    private func arm(_ deadline: NIODeadline) {
        if let timer {
            guard deadline < timer.at else { return }
            timer.task.cancel()
        }
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.deadlinePassed() }
        timer = (task, deadline)
    }

    private func deadlinePassed() {
        timer = nil
        guard let deadline = pipeline.nextDeadline else { return }
        guard deadline <= .now() else { return arm(deadline) }
        failed("no reply in time", lifecycle.isReady ? .connectionLost : .unavailable)
    }
}

import NIOCore

/// One connection to Redis. Authenticates, then transfers commands and replies.
final class RedisConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let location: RedisLocation
    private let parser: RedisReplyParser
    private let attempt: Int
    /// Nil once the session no longer uses this connection.
    private var session: RedisSession?
    private var context: ChannelHandlerContext?
    /// The number of pending replies to the initial commands.
    private var greetings = 0

    init(_ location: RedisLocation, maximumReply: Int, session: RedisSession, attempt: Int) {
        self.location = location
        self.attempt = attempt
        self.session = session
        parser = RedisReplyParser(maximumBytes: maximumReply)
    }

    func write(_ data: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(data), promise: nil) }

    /// Closes the connection without notifying the session.
    func close() {
        session = nil
        context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        session?.opened(self, attempt: attempt)
        var commands: [[RedisArgument]] = []
        if let password = location.password {
            var command: [RedisArgument] = ["AUTH"]
            if let user = location.user { command.append(.text(user)) }
            command.append(.text(password))
            commands.append(command)
        }
        if location.database != 0 { commands.append(["SELECT", .integer(location.database)]) }
        // A reply to PING proves that Redis is ready, with or without the other commands.
        commands.append(["PING"])
        greetings = commands.count
        var data = ByteBuffer()
        for command in commands { data.writeCommand(command) }
        write(data)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let data = unwrapInboundIn(data)
        do throws(RedisError) {
            try data.withUnsafeReadableBytes { bytes throws(RedisError) in try parser.feed(bytes) }
            // The receiver of a reply may close the connection.
            while session != nil, let value = try parser.next() { received(value) }
        } catch {
            fail("\(error)", error)
        }
    }

    private func received(_ value: RedisValue) {
        guard greetings > 0 else {
            session?.received(value)
            return
        }
        if case .error(let message) = value { return fail(message, .unavailable) }
        greetings -= 1
        if greetings == 0 { session?.ready() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let session = self.session
        self.session = nil
        session?.ended()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail("\(error)", .connectionLost) }

    private func fail(_ reason: String, _ error: RedisError) {
        let session = self.session
        close()
        session?.failed(reason, error)
    }
}

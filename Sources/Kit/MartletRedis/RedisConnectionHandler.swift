import NIOCore

/// One connection to Redis: says who it is, then passes bytes and replies on.
final class RedisConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let location: RedisLocation
    private let parser: RedisReplyParser
    private let attempt: Int
    /// Nil when it does not care any more.
    private var session: RedisSession?
    private var context: ChannelHandlerContext?
    /// Replies to what was said at the start that have not come.
    private var greetings = 0

    init(_ location: RedisLocation, maximumReply: Int, session: RedisSession, attempt: Int) {
        self.location = location
        self.attempt = attempt
        self.session = session
        parser = RedisReplyParser(maximumBytes: maximumReply)
    }

    func write(_ data: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(data), promise: nil) }

    /// Ends the connection; the session hears nothing more of it.
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
        // Whatever the others say, Redis has to answer before it is relied on.
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
            // Whoever gets a reply may close the connection.
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

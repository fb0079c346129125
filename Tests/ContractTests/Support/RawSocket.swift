import MartletTesting
import NIOCore
import NIOPosix

/// The response on a raw connection.
struct RawAnswer: Sendable {
    let responses: [Response]
    /// Whether the peer closed the connection before the timeout.
    let isClosed: Bool

    var statuses: [Int] { responses.map(\.status) }
}

/// Sends arbitrary bytes, which no HTTP client would.
enum RawSocket {
    /// - Parameters:
    ///   - count: the number of responses to wait for; nil to wait until the peer closes.
    ///   - isHead: whether the responses have no bodies.
    static func exchange(
        port: Int, _ bytes: [UInt8], answers count: Int? = nil, isHead: Bool = false,
        within limit: Duration = .seconds(5)
    ) async throws -> RawAnswer {
        let connection = try await RawConnection.open(port: port)
        try await connection.write(bytes)
        let answer = try await connection.read(answers: count, isHead: isHead, within: limit)
        try await connection.close()
        return answer
    }

    static func exchange(
        port: Int, _ text: String, answers count: Int? = nil, isHead: Bool = false, within limit: Duration = .seconds(5)
    ) async throws -> RawAnswer {
        try await exchange(port: port, Array(text.utf8), answers: count, isHead: isHead, within: limit)
    }
}

/// One TCP connection.
final class RawConnection: Sendable {
    private let channel: any Channel
    private let inbox: Inbox

    private init(_ channel: any Channel, _ inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    static func open(port: Int) async throws -> RawConnection {
        let inbox = Inbox()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(InboxHandler(inbox))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawConnection(channel, inbox)
    }

    /// Writes bytes. A connection closed by the peer is not an error here.
    func write(_ bytes: [UInt8]) async throws {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Continues reading after the last read. Returns the bytes received when the time is up.
    func read(
        answers count: Int? = nil, isHead: Bool = false, within limit: Duration = .seconds(5)
    ) async throws -> RawAnswer {
        func taken() -> RawAnswer {
            let (bytes, isClosed) = inbox.content
            return RawAnswer(
                responses: ResponseParser.parse(bytes, isHead: isHead, isClosed: isClosed), isClosed: isClosed)
        }
        var seen = -1
        do {
            return try await eventually("the answers", within: limit) {
                let (bytes, isClosed) = inbox.content
                guard isClosed || bytes.count > seen else { return nil }
                seen = bytes.count
                let answer = taken()
                if answer.isClosed { return answer }
                guard let count, answer.responses.count >= count else { return nil }
                return answer
            }
        } catch is DidNotHappen {
            return taken()
        }
    }

    func close() async throws { try? await channel.close().get() }
}

import MartletTesting
import NIOCore
import NIOPosix

/// What came back on a raw connection.
struct RawAnswer: Sendable {
    let responses: [Response]
    /// Whether the other side closed the connection before the time was over.
    let isClosed: Bool

    var statuses: [Int] { responses.map(\.status) }
}

/// Sends bytes exactly as they are given: what no HTTP client would.
enum RawSocket {
    /// - Parameters:
    ///   - count: returns when so many answers have come; nil: when the other side closes.
    ///   - isHead: the answers have no bodies.
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

    /// A peer that has closed already takes nothing more; that is no error here.
    func write(_ bytes: [UInt8]) async throws {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Reads from where the last read stopped; what has come when the time is over is given back.
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

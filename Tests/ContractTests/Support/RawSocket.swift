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
        let deadline = ContinuousClock.now + limit
        var seen = -1
        while true {
            let (bytes, isClosed) = inbox.content
            let isNews = bytes.count > seen || isClosed || ContinuousClock.now >= deadline
            seen = bytes.count
            guard isNews else {
                try await Task.sleep(for: .milliseconds(1))
                continue
            }
            let responses = ResponseParser.parse(bytes, isHead: isHead, isClosed: isClosed)
            if isClosed || ContinuousClock.now >= deadline {
                return RawAnswer(responses: responses, isClosed: isClosed)
            }
            if let count, responses.count >= count { return RawAnswer(responses: responses, isClosed: false) }
        }
    }

    func close() async throws { try? await channel.close().get() }
}

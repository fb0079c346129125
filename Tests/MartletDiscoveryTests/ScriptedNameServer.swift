import NIOCore
import NIOPosix
import Synchronization

@testable import MartletDiscovery

/// Builds DNS messages for tests (RFC 1035 §4).
enum DNSMessage {
    struct Record: Sendable {
        let bytes: [UInt8]

        init(_ name: String, type: UInt8, ttl: UInt16, _ data: [UInt8]) {
            bytes =
                DNSMessage.labels(name) + [0, type, 0, 1, 0, 0, UInt8(ttl >> 8), UInt8(ttl & 0xFF)]
                + [UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
        }

        static func a(_ name: String, _ lastByte: UInt8, ttl: UInt16) -> Record {
            Record(name, type: 1, ttl: ttl, [10, 0, 0, lastByte])
        }

        static func srv(_ name: String, port: UInt16, target: String, ttl: UInt16) -> Record {
            Record(
                name, type: 33, ttl: ttl,
                [0, 10, 0, 1, UInt8(port >> 8), UInt8(port & 0xFF)] + DNSMessage.labels(target))
        }
    }

    /// `name` as labels.
    static func labels(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    static func answer(_ answers: [Record], additional: [Record] = []) -> [UInt8] {
        answer(id: [0, 1], question: labels("q.test") + [0, 1, 0, 1], code: 0, answers, additional)
    }

    static func answer(
        id: [UInt8], question: [UInt8], code: UInt8, _ answers: [Record], _ additional: [Record]
    ) -> [UInt8] {
        id + [0x81, 0x80 | code, 0, 1, 0, UInt8(answers.count), 0, 0, 0, UInt8(additional.count)] + question
            + (answers + additional).flatMap(\.bytes)
    }
}

/// A name server with scripted responses.
final class ScriptedNameServer: Sendable {
    enum Reply: Sendable {
        case records([DNSMessage.Record], additional: [DNSMessage.Record] = [])
        /// NXDOMAIN.
        case noSuchName
        /// SERVFAIL.
        case failure
        case silence
    }

    private struct State {
        var replies: [String: Reply] = [:]
        var questions: [String] = []
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)

    static func with(_ body: (ScriptedNameServer) async throws -> Void) async throws {
        let server = ScriptedNameServer()
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(server: server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        do {
            try await body(server)
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }

    /// The number of queries for a name so far.
    func questions(for name: String) -> Int { state.withLock { state in state.questions.count { $0 == name } } }

    /// Sets the response for a name, for any type of record. Other names do not exist.
    func say(_ name: String, _ reply: Reply) { state.withLock { $0.replies[name] = reply } }

    func source(_ name: String, _ type: DNSSource.RecordType = .a) -> DNSSource {
        var source = DNSSource(
            name: name, type: type, port: type == .srv ? 0 : 80,
            server: .init(address: "127.0.0.1", port: channel.withLock { $0?.localAddress?.port } ?? 0))
        source.minimumInterval = .milliseconds(50)
        return source
    }

    fileprivate func reply(to message: [UInt8]) -> [UInt8]? {
        var name: [String] = []
        var position = 12
        while position < message.count, message[position] > 0 {
            let end = position + 1 + Int(message[position])
            guard end < message.count else { return nil }
            name.append(String(decoding: message[(position + 1)..<end], as: UTF8.self))
            position = end
        }
        guard position + 5 <= message.count else { return nil }
        let asked = name.joined(separator: ".")
        let reply = state.withLock { state in
            state.questions.append(asked)
            return state.replies[asked] ?? .noSuchName
        }
        let code: UInt8
        var (answers, additional): ([DNSMessage.Record], [DNSMessage.Record]) = ([], [])
        switch reply {
        case .records(let records, let others):
            code = 0
            (answers, additional) = (records, others)
        case .noSuchName: code = 3
        case .failure: code = 2
        case .silence: return nil
        }
        return DNSMessage.answer(
            id: Array(message[..<2]), question: Array(message[12..<(position + 5)]), code: code, answers, additional)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>
        private let server: ScriptedNameServer

        init(server: ScriptedNameServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let question = unwrapInboundIn(data)
            guard let reply = server.reply(to: Array(question.data.readableBytesView)) else { return }
            let answer = AddressedEnvelope(remoteAddress: question.remoteAddress, data: ByteBuffer(bytes: reply))
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
    }
}

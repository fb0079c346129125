import Foundation
import MartletCore
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import SwiftProtobuf
import Synchronization

/// An HTTP/2 server on which a test writes its responses frame by frame.
final class TestGRPCServer: Sendable {
    /// A received call, with methods to respond.
    struct Call: Sendable {
        let headers: HPACKHeaders
        let message: [UInt8]
        fileprivate let stream: any Channel
        fileprivate let connection: any Channel

        var path: String { headers.first(name: ":path") ?? "" }

        private func write(_ payload: HTTP2Frame.FramePayload) { stream.writeAndFlush(payload, promise: nil) }

        func start(_ more: [(String, String)] = [], status: String = "200", type: String = "application/grpc") {
            write(.headers(.init(headers: HPACKHeaders([(":status", status), ("content-type", type)] + more))))
        }

        /// - Parameter text: field 1 of the message.
        func send(_ text: String, flag: UInt8 = 0) {
            let message = [0x0A, UInt8(text.utf8.count)] + Array(text.utf8)
            send(bytes: [flag, 0, 0, 0, UInt8(message.count)] + message)
        }

        func send(bytes: [UInt8], isEnd: Bool = false) {
            write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes)), endStream: isEnd)))
        }

        func end(_ status: Int, _ message: String? = nil) {
            var trailers = HPACKHeaders([("grpc-status", String(status))])
            if let message { trailers.add(name: "grpc-message", value: message) }
            write(.headers(.init(headers: trailers, endStream: true)))
        }

        /// Sends a complete response with one message.
        func reply(_ text: String) {
            start()
            send(text)
            end(0)
        }

        /// Sends a response with only a status.
        func refuse(_ status: Int) {
            let headers = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", String(status))]
            write(.headers(.init(headers: HPACKHeaders(headers), endStream: true)))
        }

        func reset(_ code: HTTP2ErrorCode) { write(.rstStream(code)) }

        /// Sends GOAWAY: no calls after this stream are accepted.
        func goAway(last: HTTP2StreamID) {
            connection.writeAndFlush(
                HTTP2Frame(
                    streamID: .rootStream,
                    payload: .goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil)), promise: nil)
        }

        /// Sends a frame that swift-nio-http2 would not.
        func sendFrame(_ bytes: [UInt8]) {
            connection.eventLoop.execute { [connection] in
                let handler = try? connection.pipeline.syncOperations.context(handlerType: NIOHTTP2Handler.self)
                handler?.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
            }
        }

        func closeConnection() { connection.close(promise: nil) }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        private let answer: @Sendable (Call) -> Void
        private let ended: @Sendable () -> Void
        private var headers = HPACKHeaders()
        private var message: [UInt8] = []

        init(_ answer: @escaping @Sendable (Call) -> Void, _ ended: @escaping @Sendable () -> Void) {
            self.answer = answer
            self.ended = ended
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .headers(let frame): headers = frame.headers
            case .data(let frame):
                if case .byteBuffer(let bytes) = frame.data { message += bytes.readableBytesView }
                guard frame.endStream, let connection = context.channel.parent else { return }
                answer(Call(headers: headers, message: message, stream: context.channel, connection: connection))
            default: break
            }
        }

        func channelInactive(context: ChannelHandlerContext) { ended() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let counters: Counters

    private init(_ channel: any Channel, _ counters: Counters) {
        self.channel = channel
        self.counters = counters
    }

    private final class Counters: Sendable {
        let accepted = Atomic(0)
        let ended = Atomic(0)
    }

    var endpoint: Endpoint { .tcp(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }
    var acceptedCount: Int { counters.accepted.load(ordering: .relaxed) }
    var endedCount: Int { counters.ended.load(ordering: .relaxed) }

    static func start(
        maximumStreams: Int = 100, _ answer: @escaping @Sendable (Call) -> Void
    ) async throws -> TestGRPCServer {
        let counters = Counters()
        let bootstrap = ServerBootstrap(group: peerLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                counters.accepted.add(1, ordering: .relaxed)
                return channel.eventLoop.makeCompletedFuture {
                    var http2 = NIOHTTP2Handler.Configuration()
                    http2.connection.initialSettings = [
                        .init(parameter: .maxConcurrentStreams, value: maximumStreams)
                    ]
                    // Tests may send invalid responses.
                    http2.connection.headerBlockValidation = .disabled
                    let (connection, stream) = (http2.connection, http2.stream)
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server, connectionConfiguration: connection, streamConfiguration: stream
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(
                                Handler(answer) { counters.ended.add(1, ordering: .relaxed) })
                        }
                    }
                }
            }
        return TestGRPCServer(try await bootstrap.bind(host: "127.0.0.1", port: 0).get(), counters)
    }

    func stop() async { try? await channel.close() }

    /// Writes the descriptors of a service `test.Texts`, whose messages have a text: `GET /texts/{text}`, and `GET
    /// /texts/{text}:watch` for a stream.
    static func descriptors() throws -> String {
        var text = Google_Protobuf_FieldDescriptorProto()
        text.name = "text"
        text.number = 1
        text.type = .string
        text.label = .optional
        var message = Google_Protobuf_DescriptorProto()
        message.name = "Text"
        message.field = [text]
        func method(_ name: String, _ path: String, isStreaming: Bool) throws -> Google_Protobuf_MethodDescriptorProto {
            var method = Google_Protobuf_MethodDescriptorProto()
            method.name = name
            method.inputType = ".test.Text"
            method.outputType = ".test.Text"
            method.serverStreaming = isStreaming
            // The option google.api.http, number 72295728, with a rule whose field 2 is the path.
            let rule = [0x12, UInt8(path.utf8.count)] + Array(path.utf8)
            let bytes: [UInt8] = [0x82, 0xD3, 0xE4, 0x93, 0x02, UInt8(rule.count)] + rule
            method.options = try Google_Protobuf_MethodOptions(serializedBytes: bytes)
            return method
        }
        var service = Google_Protobuf_ServiceDescriptorProto()
        service.name = "Texts"
        service.method = [
            try method("Get", "/texts/{text}", isStreaming: false),
            try method("Watch", "/texts/{text}:watch", isStreaming: true),
        ]
        var file = Google_Protobuf_FileDescriptorProto()
        file.name = "texts.proto"
        file.package = "test"
        file.syntax = "proto3"
        file.messageType = [message]
        file.service = [service]
        var set = Google_Protobuf_FileDescriptorSet()
        set.file = [file]
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("texts-\(UUID().uuidString).pb")
        let bytes: [UInt8] = try set.serializedBytes()
        try Data(bytes).write(to: path)
        return path.path
    }
}

import MartletCore
import MartletTesting
import NIOCore
import NIOPosix

/// A server that does with each request what a test says.
final class ScriptedServer: Sendable {
    struct Received: Sendable {
        /// `POST /api/orders`
        let line: String
        /// By their names in lower case.
        let fields: [String: String]
        let body: String
    }

    enum Reaction: Sendable {
        case respond(String)
        /// Closes the connection instead of a response.
        case hangUp
        /// Sends this and keeps the connection open.
        case stall(String)
    }

    private let requests: Shared<[Received]>
    private let channel: any Channel

    /// All requests so far.
    var received: [Received] { requests.value }
    var endpoint: Endpoint { .tcp(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }

    private init(_ channel: any Channel, _ requests: Shared<[Received]>) {
        self.channel = channel
        self.requests = requests
    }

    /// Runs a server while `body` runs.
    /// - Parameters:
    ///   - port: 0 for any.
    ///   - react: receives the number of the request, from 1, and the request.
    static func run(
        port: Int = 0, _ react: @escaping @Sendable (Int, Received) -> Reaction,
        _ body: (ScriptedServer) async throws -> Void
    ) async throws {
        let requests = Shared<[Received]>([])
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(requests, react))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(ScriptedServer(channel, requests)))
        } catch {
            result = .failure(error)
        }
        try await channel.close()
        try result.get()
    }

    static func response(_ status: String, _ body: String = "", fields: String = "") -> Reaction {
        .respond("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let requests: Shared<[Received]>
        private let react: @Sendable (Int, Received) -> Reaction
        private var text = ""

        init(_ requests: Shared<[Received]>, _ react: @escaping @Sendable (Int, Received) -> Reaction) {
            self.requests = requests
            self.react = react
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            while let request = next() {
                var number = 0
                requests.change {
                    $0.append(request)
                    number = $0.count
                }
                switch react(number, request) {
                case .respond(let response), .stall(let response):
                    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: response)), promise: nil)
                case .hangUp: context.close(promise: nil)
                }
            }
        }

        private func next() -> Received? {
            guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
            let lines = text[..<end.lowerBound].split(separator: "\r\n")
            var fields: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                fields[parts[0].lowercased()] = parts.count > 1 ? parts[1].drop { $0 == " " }.description : ""
            }
            let rest = text[end.upperBound...]
            let length = Int(fields["content-length"] ?? "0") ?? 0
            guard rest.utf8.count >= length else { return nil }
            let body = String(decoding: rest.utf8.prefix(length), as: UTF8.self)
            text = String(decoding: rest.utf8.dropFirst(length), as: UTF8.self)
            return Received(
                line: lines.first.map { $0.split(separator: " ").dropLast().joined(separator: " ") } ?? "",
                fields: fields, body: body)
        }
    }
}

import MartletCore
import NIOCore
import NIOPosix

/// One request that asks an endpoint how it is, on a connection of its own.
enum HealthProbe {
    /// - Returns: the status of the answer, or nil when there is none in time.
    static func status(
        of path: String, at endpoint: Endpoint, tls: UpstreamTLS?, within timeout: TimeAmount
    ) async -> Int? {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Int.self)
        let deadline = loop.scheduleTask(in: timeout) { promise.fail(ChannelError.connectTimeout(timeout)) }
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HealthAnswerHandler(promise))
                }
            }
        let connecting =
            tls?.connect(bootstrap, to: endpoint, on: loop, timeout: timeout) ?? endpoint.connect(bootstrap)
        connecting.whenComplete { result in
            switch result {
            case .success(let channel):
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                channel.writeAndFlush(request(path, endpoint), promise: nil)
            case .failure(let error):
                promise.fail(error)
            }
        }
        let status = await withTaskCancellationHandler {
            try? await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
        }
        deadline.cancel()
        return status
    }

    private static func request(_ path: String, _ endpoint: Endpoint) -> ByteBuffer {
        var host = "localhost"
        if case .tcp = endpoint { host = String(endpoint.description.dropFirst("http://".count)) }
        return ByteBuffer(
            string: "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nAccept: */*\r\nConnection: close\r\n\r\n")
    }
}

/// Waits for the head of an answer.
private final class HealthAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<Int>
    private var parser = ResponseHeadParser()
    private var received = ByteBuffer()

    init(_ promise: EventLoopPromise<Int>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = unwrapInboundIn(data)
        received.writeBuffer(&data)
        do {
            while try received.withUnsafeReadableBytes({ try parser.parse($0) }) {
                guard parser.head.isInterim else { return promise.succeed(parser.head.status) }
                received.moveReaderIndex(forwardBy: parser.head.end)
                parser.reset()
            }
        } catch {
            promise.fail(error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
}

import MartletCore
import NIOCore
import NIOSSL

/// Reads a client's first message before TLS does, and is gone then. The TLS library chooses no suite by the server's
/// order, goes on without a protocol where RFC 7301 §3.2 wants an alert, and closes without a byte on a request in clear
/// text.
final class TLSGreetingHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let listener: TLSListener
    private let loop: LoopContext
    private var pending = ByteBuffer()
    private var reader = ClientHello.Reader()
    /// The client has been told that this will be nothing.
    private var isRefused = false

    init(_ listener: TLSListener, loop: LoopContext) {
        self.listener = listener
        self.loop = loop
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        pending.writeImmutableBuffer(unwrapInboundIn(data))
        switch reader.read(pending) {
        case .incomplete: break
        case .plainHTTP: refuse(plainAnswer(), context)
        case .other: speakTLS(nil, context)
        case .hello(let hello):
            guard hello.protocols.isEmpty || hello.protocols.contains(where: listener.speaks) else {
                // The record of a fatal alert: no_application_protocol.
                return refuse(ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, 120]), context)
            }
            speakTLS(hello, context)
        }
    }

    /// The one behind waits for what comes out of TLS.
    func channelReadComplete(context: ChannelHandlerContext) { context.read() }

    private func speakTLS(_ hello: ClientHello?, _ context: ChannelHandlerContext) {
        let received = pending
        pending = ByteBuffer()
        do {
            let handler = listener.makeHandler(for: hello)
            try context.pipeline.syncOperations.addHandler(handler, position: .after(self))
            context.fireChannelRead(wrapInboundOut(received))
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            context.close(promise: nil)
        }
    }

    /// The connection's end is seen to by the one behind, who waits for a first request.
    private func refuse(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        isRefused = true
        pending = ByteBuffer()
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(bytes)).whenComplete { _ in
            box.value.close(mode: .output, promise: nil)
        }
    }

    private func plainAnswer() -> ByteBuffer {
        var requestID: [UInt8] = []
        loop.random.appendHexadecimal(to: &requestID)
        loop.random.appendHexadecimal(to: &requestID)
        let problem = Problem(
            status: 400, detail: "This port speaks TLS, and the request is not encrypted: use https://.",
            code: "https_required")
        let answer = GatewayResponse(problem, instance: nil, requestID: requestID)
        var out = ByteBuffer()
        answer.writeHead(to: &out, requestID: requestID, date: loop.dateLine, connection: .close)
        if case .bytes(let body) = answer.body { out.writeImmutableBuffer(body) }
        return out
    }
}

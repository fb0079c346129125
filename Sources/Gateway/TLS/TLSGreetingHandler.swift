import MartletCore
import NIOCore
import NIOSSL

/// Inspects the ClientHello before the TLS library and then removes itself. The library ignores the server's order of
/// cipher suites, continues without an application protocol where RFC 7301 §3.2 requires an alert, and closes silently
/// on plain HTTP.
final class TLSGreetingHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let listener: TLSListener
    private let loop: LoopContext
    private var pending = ByteBuffer()
    private var reader = ClientHello.Reader()
    /// The client has been answered with a refusal.
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
                // A fatal alert record: no_application_protocol.
                return refuse(ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, 120]), context)
            }
            speakTLS(hello, context)
        }
    }

    /// Reads on, as the next handler waits for decrypted data.
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

    /// The next handler, which waits for a first request, closes the connection.
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
            status: 400, detail: "This port requires TLS; use https://.",
            code: "https_required")
        let answer = GatewayResponse(problem, instance: nil, requestID: requestID)
        var out = ByteBuffer()
        answer.writeHead(to: &out, requestID: requestID, date: loop.dateLine, connection: .close)
        if case .bytes(let body) = answer.body { out.writeImmutableBuffer(body) }
        return out
    }
}

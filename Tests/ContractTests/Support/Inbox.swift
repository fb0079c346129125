import NIOCore
import Synchronization

/// The bytes that a connection has received.
final class Inbox: Sendable {
    private let state = Mutex<(bytes: [UInt8], isClosed: Bool)>(([], false))

    var content: ([UInt8], Bool) { state.withLock { ($0.bytes, $0.isClosed) } }

    func append(_ bytes: some Sequence<UInt8>) { state.withLock { $0.bytes += bytes } }
    func close() { state.withLock { $0.isClosed = true } }
}

final class InboxHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox

    init(_ inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inbox.append(unwrapInboundIn(data).readableBytesView)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { inbox.close() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.close() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.close()
        context.close(promise: nil)
    }
}

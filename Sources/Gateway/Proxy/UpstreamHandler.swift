import MartletCore
import MartletTelemetry
import NIOCore

/// One upstream connection: writes requests, reads responses and passes them to the client, on the same event loop.
final class UpstreamHandler: ChannelInboundHandler, IntrusiveSetElement {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var setIndex = -1
    /// When the connection was returned to the pool.
    var idleSince = NIODeadline.uptimeNanoseconds(0)
    /// When the connection becomes too old for another request.
    var expiresAt = NIODeadline.distantFuture
    /// The idle limit that the upstream announced with its last response.
    private(set) var idleLimit: TimeAmount?
    /// When the connection was given to its current client.
    private(set) var heldSince = NIODeadline.uptimeNanoseconds(0)

    /// Whether the pool counts it: from opening until ``close()`` or the end of the connection.
    var isPooled = false

    private let pool: EndpointPool
    private var context: ChannelHandlerContext?
    private var client: (any UpstreamClient)?
    private var machine = UpstreamStateMachine()
    private var parser = ResponseHeadParser()
    private var body = BodyReader(.none)
    private var isReadingBody = false
    private var pending = ByteBuffer()
    private let output = OutputBuffer()
    private var isReadRequested = false
    private var isReset = false
    private var receivedBody = 0
    private var expectedBody: Int?

    init(pool: EndpointPool) { self.pool = pool }

    /// Whether more of a request may be written. Cached, since asking the channel costs more.
    private(set) var isWritable = true

    // MARK: the request

    /// Starts an exchange with the request's head.
    func begin(_ client: any UpstreamClient, head: ByteBuffer, mayRepeat: Bool, mayUpgrade: Bool) {
        guard let context else { return client.upstreamClosed(.failed) }
        self.client = client
        heldSince = pool.now
        receivedBody = 0
        expectedBody = nil
        idleLimit = nil
        machine.begin(mayRepeat: mayRepeat, mayUpgrade: mayUpgrade)
        output.append(head, to: context)
        updateReading()
    }

    /// - Parameter isKept: whether it can be sent again if the connection turns out to be stale.
    func send(_ data: ByteBuffer, isChunked: Bool, isKept: Bool) {
        guard let context else { return }
        if !isKept { machine.bodySent() }
        if isChunked { output.appendChunk(data, to: context) } else { output.append(data, to: context) }
    }

    func requestCompleted(isChunked: Bool) {
        machine.requestCompleted()
        if isChunked { output.appendLastChunk() }
    }

    /// Sends bytes of an upgraded connection.
    func tunnel(_ data: ByteBuffer) {
        guard let context else { return }
        output.append(data, to: context)
        output.flush(to: context)
    }

    func flush() {
        if let context { output.flush(to: context) }
    }

    /// Whose share it counts for, and whether it is waiting for that client; nil while idle.
    func holding(_ now: NIODeadline) -> FairShare.Holding<IPAddress?>? {
        guard let client else { return nil }
        return .init(key: client.network, isSlow: client.keepsUpstreamWaiting(now), since: heldSince)
    }

    /// Takes the connection away from its client.
    func giveWay() { client?.giveWay(nil) }

    /// Logs why the exchange with the upstream failed.
    func logFault(_ reason: String) { pool.logFault(reason, isReused: machine.isReused, requestID: client?.requestID) }

    /// Whether the upstream has closed the connection, even if that was not read yet.
    var isClosedByPeer: Bool { context.map { SocketState.isHalfClosed($0.channel) } ?? true }

    /// Closes the connection. No more events follow.
    func close() {
        machine.abandon()
        client = nil
        // `channelInactive` never comes for a channel that is closed while its connect completes.
        pool.removed(self)
        context?.close(promise: nil)
    }

    // MARK: the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connectionEnded()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let data = unwrapInboundIn(data)
        guard machine.bytesArrived() != .unsolicited else { return close() }
        pending.append(received: data)
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadRequested = false
        client?.flush()
        updateReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { client?.upstreamBecameWritable() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isReset = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { connectionEnded() }

    /// Has no effect after the first call.
    private func connectionEnded() {
        isWritable = false
        let hasBytes = machine.hasReceivedBytes
        let outcome = machine.connectionClosed(
            isBodyWhole: isReadingBody && body.isCompleteAtClose, isClean: !isReset)
        switch outcome {
        case .nothing, .complete: break
        case .retry: pool.metrics.sentAgain.increment()
        case .failed, .truncated:
            if machine.isReused, outcome == .failed, !hasBytes { pool.metrics.stale.increment() }
            logFault(
                UpstreamFault.ended(
                    inBody: isReadingBody, hasBytes: hasBytes, received: receivedBody, expected: expectedBody,
                    isReset: isReset))
        }
        pool.removed(self)
        let client = self.client
        self.client = nil
        client?.upstreamClosed(outcome)
    }

    /// Reads more unless the client is too slow for what was read.
    func updateReading() {
        guard !isReadRequested, let context, client?.isWritable ?? true else { return }
        isReadRequested = true
        context.read()
    }

    // MARK: the response

    private func process() {
        while let client {
            if machine.isTunnel {
                guard pending.readableBytes > 0 else { return }
                client.tunnelData(pending)
                pending = ByteBuffer()
                return
            }
            if isReadingBody {
                do throws(HTTPError) {
                    switch try body.next(in: &pending) {
                    case .data(let data):
                        receivedBody += data.readableBytes
                        client.responseData(data)
                    case .needMore:
                        if pending.readableBytes == 0 { pending = ByteBuffer() }
                        return
                    case .end: return responseCompleted(client)
                    }
                } catch {
                    return fail(client, UpstreamFault.broken(error))
                }
            } else {
                guard readHead(client) else { return }
            }
        }
    }

    /// - Returns: whether there is more to process.
    private func readHead(_ client: any UpstreamClient) -> Bool {
        var isComplete = false
        var failure: HTTPError?
        pending.withUnsafeReadableBytes { bytes in
            do throws(HTTPError) { isComplete = try parser.parse(bytes) } catch { failure = error }
        }
        if let failure {
            fail(client, UpstreamFault.broken(failure))
            return false
        }
        guard isComplete else { return false }
        let framing = parser.head.framing(for: client.method)
        let reusable = parser.head.isVersion11 && !parser.head.wantsClose && framing != .untilClose
        switch machine.headReceived(status: parser.head.status, reusable: reusable, size: parser.head.end) {
        case .refused:
            let status = parser.head.status
            fail(
                client, status == 101 ? "unexpected 101" : "too many interim responses, the last one \(status)"
            )
            return false
        case .upgraded:
            let isAccepted = pending.withUnsafeReadableBytes { client.upgraded($0, parser.head) }
            guard isAccepted else {
                fail(client, "101 to a protocol that was not requested")
                return false
            }
            pending.moveReaderIndex(forwardBy: parser.head.end)
            return true
        case .interim:
            pending.withUnsafeReadableBytes { client.interimResponse($0, parser.head) }
            pending.moveReaderIndex(forwardBy: parser.head.end)
            parser.reset()
            return pending.readableBytes > 0
        case .final:
            expectedBody = parser.head.contentLength
            pending.withUnsafeReadableBytes { bytes in
                idleLimit = parser.head.keepAlive.flatMap { KeepAliveField.idle(bytes.slice($0)) }
                client.responseHead(bytes, parser.head, framing: framing)
            }
            pending.moveReaderIndex(forwardBy: parser.head.end)
            parser.reset()
            body = BodyReader(framing)
            isReadingBody = true
            return true
        }
    }

    private func responseCompleted(_ client: any UpstreamClient) {
        let end = machine.responseCompleted(hasLeftover: pending.readableBytes > 0)
        self.client = nil
        isReadingBody = false
        pending = ByteBuffer()
        output.trim()
        client.upstreamFinished()
        switch end {
        case .reuse: pool.release(self)
        case .close: close()
        }
        client.responseCompleted()
    }

    /// The upstream violated the protocol.
    private func fail(_ client: any UpstreamClient, _ reason: String) {
        let wasReadingBody = isReadingBody
        logFault(reason)
        close()
        client.upstreamClosed(wasReadingBody ? .truncated : .failed)
    }
}

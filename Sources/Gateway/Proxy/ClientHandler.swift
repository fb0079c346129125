import Logging
import MartletCore
import NIOCore
import NIOTLS

/// One client connection: reads requests, dispatches each and writes the response.
///
/// One request is processed at a time; pipelined ones wait in `pending`. Input is read only when it can be passed on,
/// so a slow upstream slows the client down instead of filling memory.
final class ClientHandler: ChannelInboundHandler, RemovableChannelHandler, IntrusiveSetElement {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the deadline limits.
    enum Wait {
        case firstRequest, requestHead, requestBody, gather, keepAlive, cache, turn, connection, backoff, firstByte,
            responseBody, tunnel, write, linger
    }

    let loop: LoopContext
    let peer: ForwardedPeer
    /// The HTTP/2 stream behind this handler, which is presented as a connection; nil for HTTP/1.1.
    let stream: HTTP2StreamHandler?
    var setIndex = -1
    private(set) var deadline = NIODeadline.distantFuture
    private var wait = Wait.firstRequest
    /// The ALPN result (RFC 7301).
    private var isHTTP2Agreed: Bool?
    /// When to give up on a client that has half-closed its connection.
    private var halfClosedDeadline: NIODeadline?

    var context: ChannelHandlerContext?
    var machine = ClientStateMachine()
    var parser: RequestHeadParser
    var pending = ByteBuffer()
    let output = OutputBuffer()
    private var isProcessing = false
    private var isReadRequested = false
    /// The client's progress when ``Wait/write`` began.
    private var progress = ClientProgress()
    /// The body bytes received when the last ``Wait/requestBody`` began.
    private var bodyMark = 0

    // The exchange in progress.
    var exchange = ClientExchange()
    var body = BodyReader(.none)
    var upstream: UpstreamHandler?
    var ticket: PoolTicket?
    /// The head sent upstream, kept for a retry until the response begins.
    var requestHead = ByteBuffer()
    var requestID: [UInt8] = []

    init(loop: LoopContext, peer: ForwardedPeer, stream: HTTP2StreamHandler? = nil) {
        self.loop = loop
        self.peer = peer
        self.stream = stream
        parser = RequestHeadParser(limits: loop.settings.headLimits)
    }

    var isStream: Bool { stream != nil }
    var method: RequestMethod { exchange.method }
    var mayRepeat: Bool { exchange.method.isSafe || exchange.isReplayable }
    var network: IPAddress? { exchange.client?.network }

    /// Whether more of a response may be written. Cached, since asking the channel costs more.
    private(set) var isWritable = true

    // MARK: the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connectionEnded()
        loop.remove(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        arm(.firstRequest)
        if loop.isDraining { drain() }
        updateReading()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let data = unwrapInboundIn(data)
        if machine.isLingering { return }
        pending.append(received: data)
        // After ALPN chose HTTP/2, anything but the preface is an error (RFC 9113 §3.4).
        if isHTTP2Agreed == true, exchange.number == 0, machine.isIdle { return becomeHTTP2(context) }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadRequested = false
        updateReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        guard isWritable else { return }
        if machine.isExchanging, !machine.isWaitingForResponse { arm(.responseBody) }
        upstream?.updateReading()
        exchange.call?.stream?.updateReading()
        continueFile()
        process()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            inputClosed()
        case TLSUserEvent.handshakeCompleted(let negotiated):
            isHTTP2Agreed = negotiated.map { $0 == "h2" }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The client has closed its side (RFC 9293 §3.6) and still gets its response. Since it is indistinguishable from a
    /// client that has gone, until something is sent to it, the wait is shortened.
    private func inputClosed() {
        guard halfClosedDeadline == nil else { return }
        let limit = loop.now + loop.settings.timeouts.halfClosed
        halfClosedDeadline = limit
        if machine.isTunnel { return close() }
        guard machine.isExchanging else { return closeAfterFlush() }
        // The rest of the request will never arrive.
        guard machine.isRequestComplete || pending.readableBytes > 0 else { return close() }
        if machine.isWaitingForResponse { deadline = min(deadline, limit) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { connectionEnded() }

    private func connectionEnded() {
        let wasTunnel = machine.isTunnel
        if machine.connectionClosed() {
            if wasTunnel { loop.tunnels -= 1 }
            releaseUpstream()
            record(status: wasTunnel ? 101 : 499)
        }
        deadline = .distantFuture
        pending = ByteBuffer()
    }

    /// Requests more input unless the input so far cannot be passed on yet.
    private func updateReading() {
        guard !isReadRequested, let context else { return }
        let wants =
            switch machine.reading {
            case .head: pending.readableBytes == 0 || machine.isReadingHead
            case .body:
                exchange.isGathering || exchange.gathering != nil
                    || pending.readableBytes == 0 && (upstream?.isWritable ?? (exchange.call != nil))
            case .tunnel: upstream?.isWritable ?? false
            // One read stays open while a response is awaited: most clients do not pipeline, so its registration stays
            // unchanged between requests.
            case .nothing: pending.readableBytes == 0 && !machine.isClosed
            case .discarded: true
            }
        guard wants else { return }
        isReadRequested = true
        context.read()
    }

    // MARK: requests

    /// Processes everything that can proceed. Never recursive: responses that arrive synchronously are handled by the
    /// loop.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        while processNext() {}
        isProcessing = false
        upstream?.flush()
        flush()
        updateReading()
    }

    private func processNext() -> Bool {
        switch machine.reading {
        case .head: isWritable && pending.readableBytes > 0 && readHead()
        case .body: forwardBody()
        case .tunnel: forwardTunnel()
        case .nothing: false
        case .discarded: discard()
        }
    }

    private func readHead() -> Bool {
        if machine.bytesArrived() { arm(.requestHead) }
        var isComplete = false
        var failure: HTTPError?
        pending.withUnsafeReadableBytes { bytes in
            do throws(HTTPError) { isComplete = try parser.parse(bytes) } catch { failure = error }
        }
        if let failure {
            if !mayBecomeHTTP2(failure) { refuse(failure.problem) }
            return false
        }
        guard isComplete else {
            if halfClosedDeadline != nil { closeAfterFlush() }
            return false
        }
        if let repaired = parser.head.repairingTarget(of: pending) {
            pending = repaired
            parser.reset()
            return readHead()
        }
        startExchange()
        return true
    }

    /// Checks whether an invalid request line is the HTTP/2 preface, and switches to HTTP/2 if it is.
    private func mayBecomeHTTP2(_ failure: HTTPError) -> Bool {
        guard failure == .invalidRequestLine, exchange.number == 0, !isStream, loop.speaksHTTP2,
            isHTTP2Agreed != false, let context
        else {
            return false
        }
        switch HTTP2Pipeline.preface(in: pending) {
        case .absent:
            return false
        case .incomplete:
            parser.reset()
        case .complete:
            becomeHTTP2(context)
        }
        return true
    }

    private func becomeHTTP2(_ context: ChannelHandlerContext) {
        let received = pending
        pending = ByteBuffer()
        guard let connection = try? HTTP2Pipeline.add(after: self, context: context) else { return close() }
        context.fireChannelRead(NIOAny(received))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        if loop.isDraining { connection.drain() }
    }

    /// Answers an unparsable request and closes the connection, since the start of the next request is unknown.
    private func refuse(_ problem: Problem) {
        machine.headFailed()
        exchange = ClientExchange(method: .other, label: .invalid, started: loop.readClock())
        makeRequestID(nil)
        answer(problem)
    }

    /// Passes on as much of the received body as the upstream can take.
    private func forwardBody() -> Bool {
        if let call = exchange.call { return gatherBody(call) }
        if exchange.gathering != nil { return gatherBody() }
        if exchange.isGathering {
            guard pending.readableBytes >= exchange.smallBody else { return false }
            exchange.isGathering = false
            if let held = exchange.local {
                runHeld(held)
                return true
            }
            enterLimits()
        }
        while let upstream {
            guard upstream.isWritable else {
                arm(machine.isWaitingForResponse ? .firstByte : .responseBody)
                return false
            }
            do throws(HTTPError) {
                switch try body.next(in: &pending) {
                case .data(let data):
                    exchange.bodyBytes += data.readableBytes
                    guard exchange.bodyBytes <= exchange.maximumBody else {
                        exchangeFailed(.bodyTooLarge(limit: exchange.maximumBody))
                        stream?.reportMisuse()
                        return false
                    }
                    upstream.send(data, isChunked: sendsChunks, isKept: keepBody(data))
                    exchange.pace.passed(data.readableBytes)
                    bodyArrived()
                case .needMore:
                    if pending.readableBytes == 0 { pending = ByteBuffer() }
                    return false
                case .end:
                    upstream.requestCompleted(isChunked: sendsChunks)
                    machine.requestBodyCompleted()
                    if machine.isWaitingForResponse { arm(.firstByte) }
                    return true
                }
            } catch {
                exchangeFailed(error.problem)
                return false
            }
        }
        return false
    }

    private func forwardTunnel() -> Bool {
        guard pending.readableBytes > 0 else { return false }
        upstream?.tunnel(pending)
        exchange.pace.passed(pending.readableBytes)
        pending = ByteBuffer()
        arm(.tunnel)
        return false
    }

    private func discard() -> Bool {
        pending = ByteBuffer()
        return false
    }

    // MARK: ends

    /// The response is written; the next request may follow.
    func responseCompleted() {
        guard machine.isExchanging else { return }
        if let cache = exchange.cache {
            if let answer = cache.validated {
                cache.validated = nil
                return serve(answer, "\(cache.reason); fwd-status=304; stored", .validated)
            }
            cache.complete(date: loop.dateLine)
        }
        finishCompression()
        if exchange.isResponseChunked { output.appendLastChunk() }
        flush()
        // Writing may reveal that the client is gone, in which case the exchange is already recorded.
        guard machine.isExchanging else { return }
        record(status: exchange.status)
        switch machine.responseCompleted(hasUnreadInput: pending.readableBytes > 0) {
        case .nextRequest:
            if pending.readableBytes == 0 { pending = ByteBuffer() }
            output.trim()
            if requestHead.capacity > 2 * OutputBuffer.copyLimit { requestHead = ByteBuffer() }
            if halfClosedDeadline != nil, pending.readableBytes == 0 { return closeAfterFlush() }
            arm(.keepAlive)
            if loop.isDraining { drain() }
            process()
        case .linger:
            linger()
        case .close:
            closeAfterFlush()
        case .none:
            break
        }
    }

    /// Ends an exchange that cannot complete: answers with the problem, or cuts the response off.
    func exchangeFailed(_ problem: Problem) {
        if let cache = exchange.cache, problem.status >= 500, servesStale(cache) { return }
        releaseUpstream()
        switch machine.exchangeFailed() {
        case .answer: answer(problem)
        case .abort:
            record(status: exchange.status)
            abort()
        case .ignore: break
        }
    }

    /// Releases the upstream in the middle of an exchange.
    func releaseUpstream() {
        endAttempt(.abandoned)
        releaseDeflater()
        exchange.cache?.abandon()
        exchange.aggregation?.cancel()
        exchange.aggregation = nil
        dropGathered()
        if let ticket, let pool = exchange.pool { pool.cancel(ticket) }
        ticket = nil
        exchange.queued?.cancel()
        exchange.queued = nil
        let upstream = self.upstream
        self.upstream = nil
        upstream?.close()
        exchange.call?.cancel()
        exchange.call = nil
        exchange.file = nil
    }

    func flush() {
        guard let context else { return }
        if exchange.isStreaming { flushCompression() }
        output.flush(to: context)
        if !isWritable, !machine.isTunnel { armWrite() }
    }

    func close() {
        context?.close(promise: nil)
    }

    func closeAfterFlush() {
        armWrite()
        afterFlush { $0.close(promise: nil) }
    }

    private func linger() {
        pending = ByteBuffer()
        armWrite()
        afterFlush { [weak self] in
            self?.arm(.linger)
            $0.close(mode: .output, promise: nil)
        }
        updateReading()
    }

    /// Runs `action` after all writes have reached the kernel. Closing drops pending writes.
    private func afterFlush(_ action: @escaping (ChannelHandlerContext) -> Void) {
        guard let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            if let context = self?.context { action(context) }
        }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }

    /// Prepares for a shutdown: closes an idle connection soon, any other after its response.
    func drain() {
        machine.drain()
        // A finished stream goes away once its client has read the response.
        guard machine.isIdle, !isStream else { return }
        wait = .keepAlive
        deadline = min(deadline, loop.now + loop.settings.timeouts.drainIdle)
    }

    // MARK: time

    func arm(_ wait: Wait) {
        self.wait = wait
        let timeouts = loop.settings.timeouts
        let amount =
            switch wait {
            case .firstRequest, .requestHead: timeouts.requestHead
            case .requestBody: timeouts.requestBody
            case .gather: min(BodyGathering.patience, timeouts.requestBody)
            case .keepAlive: timeouts.keepAlive
            case .cache: exchange.route?.cache?.wait ?? timeouts.firstByte
            case .turn: exchange.queued?.limit.configuration.wait ?? timeouts.connect
            case .connection: exchange.route?.timeouts.connect ?? timeouts.connect
            // Ends by itself.
            case .backoff: TimeAmount.hours(1)
            case .firstByte: exchange.route?.timeouts.firstByte ?? timeouts.firstByte
            case .responseBody: exchange.route?.timeouts.idle ?? timeouts.responseBody
            case .tunnel: exchange.route?.timeouts.tunnel ?? timeouts.tunnel
            case .write: timeouts.responseWrite
            case .linger: timeouts.linger
            }
        deadline = loop.now + amount
        if wait == .requestBody { bodyMark = exchange.bodyBytes }
        if machine.isExchanging { deadline = min(deadline, exchange.totalDeadline) }
        if let halfClosedDeadline, machine.isWaitingForResponse { deadline = min(deadline, halfClosedDeadline) }
    }

    /// A piece of the body has arrived.
    func bodyArrived() {
        // Pieces do not extend the deadline; they are counted when it passes.
        if wait != .requestBody { arm(.requestBody) }
    }

    /// Whether the client has sent enough of its body since the last deadline to get another.
    private func hasSentEnoughBody() -> Bool {
        let seconds = Int(clamping: loop.settings.timeouts.requestBody.nanoseconds / 1_000_000_000)
        let (least, overflow) = seconds.multipliedReportingOverflow(by: loop.settings.limits.bodyRate)
        guard !overflow, exchange.bodyBytes - bodyMark >= max(1, least) else { return false }
        arm(.requestBody)
        return true
    }

    /// Waits for the client to read what was written.
    private func armWrite() {
        if wait != .write {
            stream?.countReleased()
            progress = currentProgress
        }
        arm(.write)
    }

    /// Whether the client has read enough of its response since the last deadline to get another.
    private func hasReadEnoughResponse() -> Bool {
        let period = loop.settings.timeouts.responseWrite.nanoseconds
        let least = UInt64(max(1, period / 1_000_000_000 * GatewayConfiguration.Timeouts.leastResponseRate))
        let now = currentProgress
        guard hasTaken(least, since: progress, now) else { return false }
        progress = now
        arm(.write)
        return true
    }

    func deadlinePassed() {
        deadline = .distantFuture
        if let halfClosedDeadline, halfClosedDeadline <= loop.now, machine.isWaitingForResponse { return close() }
        if machine.isExchanging, exchange.totalDeadline <= loop.now {
            // An incomplete request is the client's fault and gets 408.
            guard machine.isRequestComplete else { return exchangeFailed(.requestTimeout) }
            upstream?.logFault("no complete response within the total timeout")
            endAttempt(machine.isWaitingForResponse ? .failed : .truncated)
            return exchangeFailed(.upstreamTimeout)
        }
        switch wait {
        case .keepAlive where hasUnsentBytes: armWrite()
        case .write where hasReadEnoughResponse(): break
        case .firstRequest, .keepAlive, .tunnel, .write, .linger: close()
        case .requestHead: refuse(.requestTimeout)
        case .gather: gatheringTimedOut()
        case .requestBody where hasSentEnoughBody(): break
        case .requestBody: exchangeFailed(.requestTimeout)
        case .cache: cacheWaitTimedOut()
        case .turn:
            loop.metrics.concurrencyRefused()
            exchangeFailed(.overloaded)
        case .connection: connectionTimedOut()
        case .backoff, .firstByte, .responseBody:
            let hasBegun = !machine.isWaitingForResponse
            upstream?.logFault(hasBegun ? "response stalled" : "no response in time")
            endAttempt(hasBegun ? .truncated : .failed)
            exchangeFailed(.upstreamTimeout)
        }
    }
}

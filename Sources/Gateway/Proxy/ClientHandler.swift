import Logging
import MartletCore
import NIOCore
import NIOTLS

/// One client's connection: reads requests, sends each to where it belongs and writes the answer.
///
/// One request is under way at a time; pipelined ones wait in `pending`. Nothing is read from the client that cannot
/// be passed on, so a slow upstream slows the client down instead of filling memory.
final class ClientHandler: ChannelInboundHandler, RemovableChannelHandler, IntrusiveSetElement {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the deadline is for.
    enum Wait {
        case firstRequest, requestHead, requestBody, gather, keepAlive, cache, turn, connection, backoff, firstByte,
            responseBody, tunnel, write, linger
    }

    let loop: LoopContext
    let peer: ForwardedPeer
    /// The stream of HTTP/2 that is served, and made look like a connection.
    let stream: HTTP2StreamHandler?
    var setIndex = -1
    private(set) var deadline = NIODeadline.distantFuture
    private var wait = Wait.firstRequest
    /// What ALPN (RFC 7301) has agreed on.
    private var isHTTP2Agreed: Bool?
    /// The client has closed its side, and is answered until then.
    private var halfClosedDeadline: NIODeadline?

    var context: ChannelHandlerContext?
    var machine = ClientStateMachine()
    var parser: RequestHeadParser
    var pending = ByteBuffer()
    let output = OutputBuffer()
    private var isProcessing = false
    private var isReadRequested = false
    /// How far the client was when ``Wait/write`` began.
    private var progress = ClientProgress()
    /// How much of the body had come when the last ``Wait/requestBody`` began.
    private var bodyMark = 0

    // The exchange under way.
    var exchange = ClientExchange()
    var body = BodyReader(.none)
    var upstream: UpstreamHandler?
    var ticket: PoolTicket?
    /// The head as it is sent upstream, kept until an answer comes, as it may have to be sent again.
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

    /// Whether more of an answer may be written. Noted when it changes: asking the channel costs more.
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
        // Whatever else comes where HTTP/2 was agreed on is a broken preface (RFC 9113 §3.4).
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

    /// The client sends nothing more. It may only have closed its side (RFC 9293 §3.6), and is answered; but nobody can
    /// tell it from one that is gone until something is sent to it, so what it waits for must come soon.
    private func inputClosed() {
        guard halfClosedDeadline == nil else { return }
        let limit = loop.now + loop.settings.timeouts.halfClosed
        halfClosedDeadline = limit
        if machine.isTunnel { return close() }
        guard machine.isExchanging else { return closeAfterFlush() }
        // The rest of its request will never come.
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

    /// Asks for more input unless what has come cannot go anywhere yet.
    private func updateReading() {
        guard !isReadRequested, let context else { return }
        let wants =
            switch machine.reading {
            case .head: pending.readableBytes == 0 || machine.isReadingHead
            case .body:
                exchange.isGathering || exchange.gathering != nil
                    || pending.readableBytes == 0 && (upstream?.isWritable ?? (exchange.call != nil))
            case .tunnel: upstream?.isWritable ?? false
            // One read stays open while an answer is awaited: most clients do not pipeline, and so its registration
            // need not change with every request.
            case .nothing: pending.readableBytes == 0 && !machine.isClosed
            case .discarded: true
            }
        guard wants else { return }
        isReadRequested = true
        context.read()
    }

    // MARK: requests

    /// Goes on with whatever can go on. Never recursive: answers that come at once are met by the loop.
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

    /// Looks whether what is no request line is the preface of HTTP/2, and hands the connection over when it is.
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

    /// Answers what could not be understood; the connection ends, as nobody knows where the next request would start.
    private func refuse(_ problem: Problem) {
        machine.headFailed()
        exchange = ClientExchange(method: .other, label: .invalid, started: loop.readClock())
        makeRequestID(nil)
        answer(problem)
    }

    /// Passes on as much of the body as has arrived and the upstream takes.
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
                        stream?.wasMisused()
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

    /// The answer is written; the next request may come.
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
        // The client may be found gone while writing, and then its exchange has been counted.
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

    /// The exchange cannot be completed: the client is told, or its answer is cut off.
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

    /// Lets go of the upstream in the middle of an exchange.
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

    /// Does something once everything written has reached the kernel: closing drops what has not.
    private func afterFlush(_ action: @escaping (ChannelHandlerContext) -> Void) {
        guard let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            if let context = self?.context { action(context) }
        }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }

    /// The gateway shuts down: unused connections are closed soon, others after their answer.
    func drain() {
        machine.drain()
        // A stream that is done is gone when its client has taken the answer.
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

    /// A piece of the body has come.
    func bodyArrived() {
        // Pieces do not prolong the wait: at its end they are counted.
        if wait != .requestBody { arm(.requestBody) }
    }

    /// Whether the client, slow as it is, has sent enough of its body lately to be waited for further.
    private func sendsItsBody() -> Bool {
        let seconds = Int(clamping: loop.settings.timeouts.requestBody.nanoseconds / 1_000_000_000)
        let (least, overflow) = seconds.multipliedReportingOverflow(by: loop.settings.limits.bodyRate)
        guard !overflow, exchange.bodyBytes - bodyMark >= max(1, least) else { return false }
        arm(.requestBody)
        return true
    }

    /// Waits for the client to take what has been written.
    private func armWrite() {
        if wait != .write {
            stream?.countReleased()
            progress = currentProgress
        }
        arm(.write)
    }

    /// Whether the client, slow as it is, has taken enough of its answer lately to be waited for further.
    private func takesItsAnswer() -> Bool {
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
            // Nobody answers a request that has not come yet.
            guard machine.isRequestComplete else { return exchangeFailed(.requestTimeout) }
            upstream?.logFault("no whole answer within the request's time")
            endAttempt(machine.isWaitingForResponse ? .failed : .truncated)
            return exchangeFailed(.upstreamTimeout)
        }
        switch wait {
        case .keepAlive where hasUnsentBytes: armWrite()
        case .write where takesItsAnswer(): break
        case .firstRequest, .keepAlive, .tunnel, .write, .linger: close()
        case .requestHead: refuse(.requestTimeout)
        case .gather: gatheredLongEnough()
        case .requestBody where sendsItsBody(): break
        case .requestBody: exchangeFailed(.requestTimeout)
        case .cache: waitedTooLong()
        case .turn:
            loop.metrics.requestTurnedAway()
            exchangeFailed(.overloaded)
        case .connection: connectionDidNotCome()
        case .backoff, .firstByte, .responseBody:
            let hasBegun = !machine.isWaitingForResponse
            upstream?.logFault(hasBegun ? "no more of the answer in time" : "no answer in time")
            endAttempt(hasBegun ? .truncated : .failed)
            exchangeFailed(.upstreamTimeout)
        }
    }
}

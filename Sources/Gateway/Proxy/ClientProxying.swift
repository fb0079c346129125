import MartletCore
import NIOCore

/// The upstream side of an exchange.
extension ClientHandler {
    // MARK: an endpoint

    /// Sends the request upstream once its short body, or the start of a long one, has arrived.
    func forward() {
        exchange.cluster?.requestStarted()
        if exchange.gathering != nil { return startGathering() }
        guard pending.readableBytes < exchange.smallBody else { return enterLimits() }
        exchange.isGathering = true
        arm(.requestBody)
    }

    /// Sends the request to an endpoint that has not failed it yet.
    func startAttempt() {
        guard let cluster = exchange.cluster,
            let attempt = cluster.begin(key: exchange.balanceKey, tried: exchange.tried)
        else {
            return exchangeFailed(.upstreamUnavailable)
        }
        exchange.attempt = attempt
        if let call = exchange.call { return sendCall(call, to: cluster.pools[attempt.endpoint]) }
        acquire(from: cluster.pools[attempt.endpoint])
    }

    /// Reports the outcome once the response has begun.
    func reportAttempt(_ outcome: EndpointState.Outcome) {
        guard var attempt = exchange.attempt else { return }
        if outcome == .failed { exchange.tried.insert(attempt.endpoint) }
        exchange.cluster?.report(&attempt, outcome, hasAnswered: true)
        exchange.attempt = attempt
    }

    /// Ends the attempt.
    /// - Parameter outcome: the outcome, unless the response already determined it.
    func endAttempt(_ outcome: EndpointState.Outcome) {
        guard let attempt = exchange.attempt else { return }
        exchange.attempt = nil
        if outcome == .failed { exchange.tried.insert(attempt.endpoint) }
        exchange.cluster?.end(attempt, outcome)
    }

    /// Whether the failed request is retried. If so, schedules the retry after a backoff.
    func retries() -> Bool {
        guard exchange.isReplayable, machine.isWaitingForResponse, let policy = exchange.route?.retries,
            let cluster = exchange.cluster,
            exchange.retries < policy.attempts, let context, cluster.takeRetry()
        else { return false }
        exchange.retries += 1
        exchange.refusals = 0
        // Every endpoint has failed, so each may be tried again.
        if !cluster.hasEndpoint(besides: exchange.tried) { exchange.tried = EndpointSet() }
        let initial = Duration(policy.backoff)
        let backoff = Backoff(initial: initial, maximum: initial * 1024)
        let wait = TimeAmount(backoff.jitteredWait(after: exchange.retries, using: &loop.random))
        let number = exchange.number
        arm(.backoff)
        let box = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: wait) { box.value.startAttempt(of: number) }
        return true
    }

    /// Sends a request after its backoff, unless the exchange has ended meanwhile.
    func startAttempt(of number: UInt64) {
        guard exchange.number == number, machine.isWaitingForResponse, upstream == nil else { return }
        startAttempt()
        process()
    }

    /// Keeps a part of the body for a retry.
    /// - Returns: false when the request can no longer be retried.
    func keepBody(_ data: ByteBuffer) -> Bool {
        guard var kept = exchange.keptBody, let limit = exchange.route?.retries?.maximumBody else { return false }
        guard data.readableBytes <= limit - kept.readableBytes,
            data.readableBytes <= LoopContext.maximumKeptBytes - loop.keptBytes
        else {
            dropKeptBody()
            exchange.isReplayable = false
            return false
        }
        // Gives up the other reference first, so that the buffer grows in place.
        exchange.keptBody = nil
        kept.writeImmutableBuffer(data)
        exchange.keptBody = kept
        loop.keptBytes += data.readableBytes
        return true
    }

    func dropKeptBody() {
        guard let kept = exchange.keptBody else { return }
        loop.keptBytes -= kept.readableBytes
        exchange.keptBody = nil
    }

    // MARK: a connection

    /// The most endpoints in a row that a request tries to connect to before it counts as failed.
    private static let maximumRefusals = 10

    private func acquire(from pool: EndpointPool, needsNewConnection: Bool = false) {
        exchange.pool = pool
        switch pool.acquire(for: self, needsNewConnection: needsNewConnection) {
        case .ready(let connection):
            connected(connection)
        case .waiting(let ticket):
            // A Unix socket may connect or fail before this returns.
            guard ticket.isPending else { return }
            self.ticket = ticket
            arm(.connection)
        case .full:
            exchangeFailed(.overloaded)
        }
    }

    func connected(_ connection: UpstreamHandler) {
        ticket = nil
        upstream = connection
        exchange.pace = Pace(loop.now)
        var head = requestHead
        if let attempt = exchange.attempt, let host = exchange.cluster?.hosts[attempt.endpoint] {
            head = HostLine.replaced(in: head, by: host)
        }
        connection.begin(self, head: head, mayRepeat: mayRepeat, mayUpgrade: exchange.upgrade != nil)
        // Sends what an earlier attempt has sent; the rest follows as it arrives.
        if let kept = exchange.keptBody, kept.readableBytes > 0 {
            connection.send(kept, isChunked: sendsChunks, isKept: true)
        }
        sendGathered(to: connection)
        if machine.isRequestComplete {
            connection.requestCompleted(isChunked: sendsChunks)
            arm(.firstByte)
        } else {
            arm(.requestBody)
        }
        // Writes the head together with the body received so far.
        process()
        upstream?.flush()
    }

    func connectionFailed(timedOut: Bool) {
        ticket = nil
        endAttempt(.failed)
        exchange.refusals += 1
        // Nothing has been sent, so any request may be tried on another endpoint.
        if exchange.refusals < Self.maximumRefusals, let cluster = exchange.cluster,
            cluster.hasEndpoint(besides: exchange.tried)
        {
            return startAttempt()
        }
        if retries() { return }
        exchangeFailed(timedOut ? .upstreamTimeout : .upstreamUnreachable)
    }

    /// The wait for a connection is over: the endpoint does not accept one, or all are in use.
    func connectionTimedOut() {
        if let call = exchange.call, let pool = exchange.pool, pool.grpc.isConnecting {
            pool.grpc.cancel(call)
            return connectionFailed(timedOut: true)
        }
        guard let ticket, let pool = exchange.pool, pool.isConnecting else { return exchangeFailed(.overloaded) }
        pool.cancel(ticket)
        connectionFailed(timedOut: true)
    }

    func upstreamBecameWritable() {
        if machine.reading == .body { arm(.requestBody) }
        process()
    }

    // MARK: the response

    /// The most bytes of interim responses passed on to a client.
    private static let maximumInterimBytes = 64 * 1024

    func interimResponse(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) {
        // HTTP/1.0 has no interim responses. Slow readers, and clients that have had many, do not get them either.
        guard exchange.isVersion11, isWritable, exchange.interimBytes < Self.maximumInterimBytes else { return }
        exchange.interimBytes += head.end
        output.withGathered {
            HeaderEdits.writeResponse(
                bytes, head, requestID: requestID, date: loop.dateLine, connection: .none, isChunked: false, to: &$0)
        }
        flush()
    }

    func responseHead(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming) {
        let isFailure = head.status == 502 || head.status == 503 || head.status == 504
        reportAttempt(isFailure ? .failed : .succeeded)
        if exchange.isReplayable, exchange.route?.retries?.statuses.contains(head.status) == true {
            let failing = upstream
            upstream = nil
            if retries() {
                endAttempt(.abandoned)
                failing?.close()
                return
            }
            upstream = failing
        }
        guard let cache = exchange.cache else { return startResponse(bytes, head, framing: framing) }
        if replaces(bytes, head, cache) { return }
        startResponse(bytes, head, framing: framing, extra: cacheLines(bytes, head, framing: framing, cache))
    }

    /// Writes the head of the upstream's response or of a cached one.
    /// - Parameter extra: additional lines.
    func startResponse(
        _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming, extra: [UInt8] = []
    ) {
        dropKeptBody()
        var needsChunks = framing == .chunked || framing == .untilClose
        var rules = exchange.outcome?.response
        if let hosts = exchange.responseHosts,
            let mapped = exchange.route?.responseRewrite?.rules(
                bytes, headers: head.headers, hosts: hosts, except: rules?.removed ?? [])
        {
            var all = rules ?? HeaderRules()
            all += mapped
            rules = all
        }
        if let offer = exchange.outcome?.compression,
            let plan = startCompression(offer, bytes, head, framing: framing)
        {
            rules = plan.edited(rules)
            if exchange.deflater != nil { needsChunks = true }
        }
        if !extra.isEmpty {
            rules = rules ?? HeaderRules()
            rules?.lines += extra
        }
        exchange.isResponseChunked = needsChunks && exchange.isVersion11
        exchange.isResponseUntilClose = needsChunks && !exchange.isVersion11
        exchange.status = head.status
        let persists = machine.responseStarted(delimited: !needsChunks || exchange.isVersion11)
        let connection = ConnectionAnnouncement(persists: persists, isVersion11: exchange.isVersion11)
        output.withGathered {
            HeaderEdits.writeResponse(
                bytes, head, rules: rules, requestID: requestID, date: loop.dateLine, connection: connection,
                isChunked: exchange.isResponseChunked, to: &$0)
        }
        arm(.responseBody)
    }

    func responseData(_ data: ByteBuffer) {
        guard let context else { return }
        var data = data
        exchange.pace.passed(data.readableBytes)
        exchange.cache?.append(data)
        if let deflater = exchange.deflater { data = deflater.compress(data) }
        if exchange.isResponseChunked {
            output.appendChunk(data, to: context)
        } else {
            output.append(data, to: context)
        }
        arm(.responseBody)
    }

    // MARK: another protocol

    /// Switches both sides to the other protocol.
    /// - Returns: false when it is not the requested protocol.
    func upgraded(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) -> Bool {
        var isExpected = false
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if name.equalsIgnoringCase("upgrade"), let asked = exchange.upgrade {
                isExpected = value.equalsIgnoringCase(asked.map(ASCII.lowercased))
            }
        }
        guard isExpected, let token = exchange.upgrade else { return false }
        reportAttempt(.succeeded)
        machine.upgraded()
        guard machine.isTunnel else { return false }
        loop.tunnels += 1
        exchange.status = 101
        exchange.totalDeadline = .distantFuture
        token.withUnsafeBytes { token in
            output.withGathered {
                HeaderEdits.writeResponse(
                    bytes, head, rules: exchange.outcome?.response, upgrade: token, requestID: requestID,
                    date: loop.dateLine, connection: .none, isChunked: false, to: &$0)
            }
        }
        arm(.tunnel)
        flush()
        // Forwards what the client sent early.
        process()
        return true
    }

    func tunnelData(_ data: ByteBuffer) {
        guard let context else { return }
        exchange.pace.passed(data.readableBytes)
        output.append(data, to: context)
        arm(.tunnel)
    }

    /// The upstream has sent everything; its connection no longer belongs to this exchange.
    func upstreamFinished() {
        upstream = nil
        endAttempt(.succeeded)
        // A slow reader must not occupy a slot of the limits.
        leaveLimits()
    }

    /// The upstream connection has ended early.
    func upstreamClosed(_ outcome: UpstreamStateMachine.Close) {
        upstream = nil
        if machine.isTunnel {
            endAttempt(.succeeded)
            flush()
            return closeAfterFlush()
        }
        switch outcome {
        case .nothing:
            break
        case .complete:
            endAttempt(.succeeded)
            responseCompleted()
        case .truncated:
            flush()
            endAttempt(.truncated)
            exchangeFailed(.badGateway)
        case .failed:
            endAttempt(.failed)
            if !retries() { exchangeFailed(.badGateway) }
        case .retry:
            guard exchange.attempt?.hasNewConnection == false, let pool = exchange.pool else {
                endAttempt(.failed)
                if !retries() { exchangeFailed(.badGateway) }
                return
            }
            exchange.attempt?.hasNewConnection = true
            acquire(from: pool, needsNewConnection: true)
        }
    }
}

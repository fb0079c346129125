import MartletCore
import NIOCore

/// The request for one part. Uses the same balancing, breaker and pool as any other request to the upstream. Confined
/// to its event loop.
final class PartRequest: UpstreamClient {
    private let part: AggregatePlan.Part
    private let head: ByteBuffer
    private let cluster: UpstreamCluster
    private let key: UInt64
    private let loop: LoopContext
    let network: IPAddress?
    let requestID: [UInt8]
    /// Nil once the outcome is reported.
    private var report: ((AggregateResponse.Outcome) -> Void)?

    private var attempt: UpstreamAttempt?
    private var tried = EndpointSet()
    private var pool: EndpointPool?
    private var ticket: PoolTicket?
    private var upstream: UpstreamHandler?
    private var body = ByteBuffer()
    private var deadline: Scheduled<Void>?
    /// The upstream's concurrency limit that the part occupies.
    private var entered: ConcurrencyLimit?

    let method = RequestMethod.get
    let mayRepeat = true
    let isWritable = true

    init(
        _ part: AggregatePlan.Part, head: ByteBuffer, cluster: UpstreamCluster, key: UInt64, loop: LoopContext,
        network: IPAddress?, requestID: [UInt8],
        report: @escaping (AggregateResponse.Outcome) -> Void
    ) {
        self.part = part
        self.head = head
        self.cluster = cluster
        self.key = key
        self.loop = loop
        self.network = network
        self.requestID = requestID
        self.report = report
    }

    func start() {
        let box = NIOLoopBound(self, eventLoop: loop.eventLoop)
        deadline = loop.eventLoop.scheduleTask(in: part.timeout) { box.value.deadlinePassed() }
        if let limit = cluster.concurrency {
            // A part does not queue, since the other parts would wait for it.
            guard limit.enter() else { return finish(.missing(.unavailable), .abandoned) }
            entered = limit
        }
        startAttempt()
    }

    /// The part is no longer needed.
    func cancel() {
        report = nil
        release(.abandoned)
    }

    private func deadlinePassed() {
        // If the outcome is known, only the rest of the response was awaited.
        if report == nil { release(.abandoned) } else { finish(.missing(.timeout), .failed) }
    }

    /// - Parameter ending: the outcome of the attempt if the connection is to be closed; nil to let the rest of the
    ///   response arrive and be ignored.
    private func finish(_ outcome: AggregateResponse.Outcome, _ ending: EndpointState.Outcome?) {
        if let ending { release(ending) }
        let report = self.report
        self.report = nil
        report?(outcome)
    }

    private func release(_ outcome: EndpointState.Outcome) {
        deadline?.cancel()
        deadline = nil
        endAttempt(outcome)
        entered?.leave()
        entered = nil
        if let ticket { pool?.cancel(ticket) }
        ticket = nil
        let upstream = self.upstream
        self.upstream = nil
        upstream?.close()
    }

    // MARK: an endpoint

    private func startAttempt() {
        guard let attempt = cluster.begin(key: key, tried: tried) else {
            return finish(.missing(.unavailable), .abandoned)
        }
        self.attempt = attempt
        acquire(from: cluster.pools[attempt.endpoint])
    }

    private func endAttempt(_ outcome: EndpointState.Outcome) {
        guard let attempt else { return }
        self.attempt = nil
        if outcome == .failed { tried.insert(attempt.endpoint) }
        cluster.end(attempt, outcome)
    }

    private func acquire(from pool: EndpointPool, needsNewConnection: Bool = false) {
        self.pool = pool
        switch pool.acquire(for: self, needsNewConnection: needsNewConnection) {
        case .ready(let connection): connected(connection)
        case .waiting(let ticket): if ticket.isPending { self.ticket = ticket }
        case .full: finish(.missing(.unavailable), .abandoned)
        }
    }

    func connected(_ connection: UpstreamHandler) {
        ticket = nil
        upstream = connection
        var head = self.head
        if let attempt, let host = cluster.hosts[attempt.endpoint] { head = HostLine.replaced(in: head, by: host) }
        connection.begin(self, head: head, mayRepeat: true, mayUpgrade: false)
        connection.requestCompleted(isChunked: false)
        upstream?.flush()
    }

    func connectionFailed(timedOut: Bool) {
        ticket = nil
        endAttempt(.failed)
        if cluster.hasEndpoint(besides: tried) { startAttempt() } else { finish(.missing(.unavailable), .abandoned) }
    }

    func upstreamBecameWritable() {}

    /// Its response is read at once, within the part's timeout.
    func keepsUpstreamWaiting(_ now: NIODeadline) -> Bool { false }

    func giveWay(_ ticket: PoolTicket?) {
        guard ticket == nil || ticket === self.ticket else { return }
        self.ticket = nil
        finish(.missing(.unavailable), .abandoned)
    }

    // MARK: the response

    func interimResponse(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) {}

    func responseHead(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming) {
        let isFailure = head.status == 502 || head.status == 503 || head.status == 504
        if var attempt {
            cluster.report(&attempt, isFailure ? .failed : .succeeded, hasAnswered: true)
            self.attempt = attempt
        }
        guard (200..<300).contains(head.status) else { return finish(.missing(.status(head.status)), nil) }
        guard Self.isJSON(bytes, head) else { return finish(.missing(.invalid), nil) }
        guard head.contentLength ?? 0 <= part.maximumBody else { return finish(.missing(.tooLarge), .abandoned) }
        body.reserveCapacity(head.contentLength ?? 0)
    }

    /// Whether the head announces uncoded JSON.
    private static func isJSON(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) -> Bool {
        var (isJSON, isEncoded) = (false, false)
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if name.equalsIgnoringCase("content-type") {
                let type = String(decoding: value, as: UTF8.self).lowercased().prefix { $0 != ";" && $0 != " " }
                isJSON = type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json")
            } else if name.equalsIgnoringCase("content-encoding"), !value.equalsIgnoringCase("identity") {
                isEncoded = true
            }
        }
        return isJSON && !isEncoded
    }

    func responseData(_ data: ByteBuffer) {
        let count = body.readableBytes + data.readableBytes
        guard count <= part.maximumBody else {
            if report == nil { return release(.abandoned) }
            return finish(.missing(.tooLarge), .abandoned)
        }
        // Ignored data is counted as well, so that it is bounded.
        body.writeImmutableBuffer(data)
    }

    func flush() {}

    func upstreamFinished() { upstream = nil }

    func responseCompleted() {
        release(.abandoned)
        guard report != nil else { return }
        let isValid = (try? JSONValue(parsing: body.readableBytesView)) != nil
        finish(isValid ? .json(body) : .missing(.invalid), nil)
    }

    func upgraded(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) -> Bool { false }

    func tunnelData(_ data: ByteBuffer) {}

    func upstreamClosed(_ outcome: UpstreamStateMachine.Close) {
        upstream = nil
        switch outcome {
        case .nothing: break
        case .complete: responseCompleted()
        case .retry where attempt?.hasNewConnection == false:
            attempt?.hasNewConnection = true
            if let pool { acquire(from: pool, needsNewConnection: true) }
        case .retry, .failed: finish(.missing(.unavailable), .failed)
        case .truncated: finish(.missing(.unavailable), .truncated)
        }
    }
}

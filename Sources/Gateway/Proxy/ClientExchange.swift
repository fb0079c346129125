import MartletCore
import MartletTelemetry
import NIOCore

/// The state of one request and its response.
struct ClientExchange {
    var method = RequestMethod.other
    var label = RouteLabel.invalid
    var started = NIODeadline.uptimeNanoseconds(0)
    var isVersion11 = true
    var expectsBody = false
    var maximumBody = Int.max
    var bodyBytes = 0
    /// The length of a request body that is short enough to buffer before contacting an upstream; else 0.
    var smallBody = 0
    /// The bytes of interim responses passed on to the client.
    var interimBytes = 0
    /// Whether a short body is still being read into memory.
    var isGathering = false
    /// How much of a body to buffer before contacting an upstream; nil when done or not needed.
    var gathering: BodyGathering?
    /// Buffered body bytes that are not sent yet.
    var gathered = ByteBuffer()
    /// Whether a chunked body is sent upstream with a `Content-Length`.
    var isLengthAdded = false
    var expectsContinue = false
    /// How fast bytes pass on the upstream connection.
    var pace = Pace(.uptimeNanoseconds(0))
    /// The hosts to compare references in the response with; set when the route maps them back.
    var responseHosts: ResponseRewrite.Hosts?
    /// The local handler that waits for the body.
    var local: HeldLocalRequest?
    var route: GatewaySettings.CompiledRoute?
    /// What policies add to the response.
    var outcome: PolicyOutcome?
    var pool: EndpointPool?
    /// The current attempt.
    var attempt: UpstreamAttempt?
    var cluster: UpstreamCluster?
    /// The key for choosing an endpoint by consistent hash.
    var balanceKey: UInt64 = 0
    /// The endpoints that failed this request.
    var tried = EndpointSet()
    /// How many connections failed in a row.
    var refusals = 0
    var retries = 0
    /// Whether the request may be retried.
    var isReplayable = false
    /// The body sent so far, kept for a retry.
    var keptBody: ByteBuffer?
    /// The parts of an aggregate response.
    var aggregation: Aggregation?
    /// The state of the cache for this request.
    var cache: CacheExchange?
    /// The protocol to which the client wants to upgrade.
    var upgrade: [UInt8]?
    /// The concurrency limits that the request occupies, and the one whose queue it is in.
    var entered: [ConcurrencyLimit] = []
    var queued: ConcurrencyTicket?
    /// Whether the load shedder admitted the request and counts it.
    var isAdmitted = false
    var totalDeadline = NIODeadline.distantFuture
    /// Whether an upstream has reported that it did not process the call.
    var wasUnprocessed = false
    var status = 0
    var isResponseChunked = false
    /// Compresses the response in progress.
    var deflater: Deflater?
    /// Whether to flush ``deflater`` after each piece: the next one may take long.
    var isStreaming = false
    /// Whether the end of the connection ends the response, as in HTTP/1.0.
    var isResponseUntilClose = false
    /// The path, if it is needed for a problem or the log.
    var path: String?
    /// The client's address; see ``ClientAddress``.
    var client: IPAddress?
    /// Whether that address comes from trusted proxies.
    var isForwarded = false
    var file: StaticFileReader?
    /// Set when traces are recorded.
    var span: ExchangeSpan?
    /// The gRPC call.
    var call: GRPCCall?
    /// Identifies the exchange, to discard responses of local handlers that arrive after it has ended.
    var number: UInt64 = 0
}

/// A request whose head is kept until its policies have what they need.
struct HeldHead {
    let bytes: ByteBuffer
    let head: RequestHead
}

extension ClientHandler {
    /// Decides what happens to the request, after its head is complete.
    func startExchange() {
        let number = exchange.number &+ 1
        exchange = ClientExchange(method: parser.head.method, started: loop.readClock())
        exchange.number = number
        exchange.isVersion11 = parser.head.isVersion11
        exchange.expectsBody = parser.head.framing != .none
        exchange.expectsContinue = parser.head.expectsContinue
        if let length = parser.head.contentLength, length <= Self.gatherLimit, !parser.head.expectsContinue {
            exchange.smallBody = length
        }
        body = BodyReader(parser.head.framing)
        machine.headCompleted(keepsAlive: parser.head.keepsAlive, hasBody: exchange.expectsBody)
        if loop.isDraining { machine.drain() }
        let dispatch = pending.withUnsafeReadableBytes { bytes in
            makeRequestID(parser.head.requestID.map(bytes.slice))
            if let spans = loop.settings.spans {
                exchange.span = ExchangeSpan(
                    traceparent: parser.head.traceparent.map(bytes.slice), isTrusted: peer.isTrusted, spans)
            }
            return self.dispatch(bytes, parser.head, Findings())
        }
        var held: HeldHead?
        if case .later = dispatch, let bytes = pending.getSlice(at: pending.readerIndex, length: parser.head.end) {
            held = HeldHead(bytes: bytes, head: parser.head)
        }
        pending.moveReaderIndex(forwardBy: parser.head.end)
        parser.reset()
        proceed(dispatch, held)
    }

    private func proceed(_ dispatch: Dispatch, _ held: HeldHead?) {
        switch dispatch {
        case .proxy(let route, let upstream, let outcome):
            exchange.label = route.label
            exchange.route = route
            exchange.outcome = outcome
            exchange.maximumBody = route.maximumRequestBody
            let cluster = loop.upstreams[upstream]
            exchange.cluster = cluster
            if exchange.upgrade != nil, loop.tunnels >= loop.settings.limits.tunnels { return answer(.overloaded) }
            if let total = route.timeouts.total { exchange.totalDeadline = exchange.started + total }
            if let cache = exchange.cache { lookUp(cache) } else { forward() }
        case .call(let route, let call, let outcome):
            exchange.label = route.label
            exchange.route = route
            exchange.outcome = outcome
            exchange.maximumBody = route.maximumRequestBody
            let cluster = loop.upstreams[call.route.upstream]
            exchange.cluster = cluster
            if let total = route.timeouts.total { exchange.totalDeadline = exchange.started + total }
            cluster.requestStarted()
            startCall(call)
        case .aggregate(let route, _, let outcome):
            exchange.label = route.label
            exchange.route = route
            exchange.outcome = outcome
            if let total = route.timeouts.total { exchange.totalDeadline = exchange.started + total }
            enterLimits()
        case .local(let handler, let request, let label, let compression):
            exchange.label = label
            exchange.outcome = PolicyOutcome(compression: compression)
            guard request.method == "POST", exchange.smallBody > 0 else { return run(handler, request) }
            exchange.local = HeldLocalRequest(handler, request)
            exchange.isGathering = true
            arm(.requestBody)
        case .answer(let answer, let label, let outcome):
            exchange.label = label
            exchange.outcome = outcome
            send(answer)
        case .problem(let problem, let label, let outcome):
            exchange.label = label
            exchange.outcome = outcome
            answer(problem)
        case .later(let question, let findings, let label):
            exchange.label = label
            guard let held else { return answer(.internal) }
            find(question, findings, held)
        }
    }

    /// Performs a policy's lookup and dispatches again.
    private func find(_ question: PolicyQuestion, _ findings: Findings, _ held: HeldHead) {
        arm(.firstByte)
        let number = exchange.number
        question.answer(findings, loop).assumeIsolated().whenSuccess { [weak self] findings in
            guard let self, self.exchange.number == number, self.machine.isWaitingForResponse else { return }
            let dispatch = held.bytes.withUnsafeReadableBytes { bytes in
                self.dispatch(bytes, held.head, findings)
            }
            self.proceed(dispatch, held)
            self.process()
        }
    }

    private func dispatch(_ bytes: UnsafeRawBufferPointer, _ head: RequestHead, _ findings: Findings) -> Dispatch {
        let target: RequestTarget
        do throws(HTTPError) {
            target = try RequestTarget(
                bytes, head.target, method: head.method, keepsEncodedSlashes: loop.settings.keepsEncodedSlashes)
        } catch {
            return .problem(error.problem, .invalid, nil)
        }
        guard let path = target.rewrittenPath else {
            return dispatch(
                RequestView(bytes: bytes, head: head, target: target, path: bytes.slice(target.path), peer: peer),
                findings)
        }
        return path.withUnsafeBytes {
            dispatch(RequestView(bytes: bytes, head: head, target: target, path: $0, peer: peer), findings)
        }
    }

    private func dispatch(_ request: RequestView, _ findings: Findings) -> Dispatch {
        exchange.isForwarded = request.isForwarded
        exchange.client = request.clientAddress
        let dispatch = loop.settings.dispatch(
            request, requestID: requestID, findings: findings, isShed: !exchange.isAdmitted && loop.sheds(),
            now: loop.now, random: &loop.random)
        if loop.shedder != nil, !exchange.isAdmitted { admit(dispatch) }
        switch dispatch {
        case .proxy(let route, let upstream, let outcome):
            let target = loop.settings.upstreams[upstream]
            exchange.balanceKey = loop.upstreams[upstream].key(request)
            if let retries = route.retries, request.head.contentLength ?? 0 <= retries.maximumBody,
                isRepeatable(request)
            {
                exchange.isReplayable = true
                if exchange.expectsBody { exchange.keptBody = ByteBuffer() }
            }
            // Otherwise it is in the head that goes upstream.
            if route.rewrite != nil { exchange.path = String(decoding: request.path, as: UTF8.self) }
            let upgrade = upgrade(request, route)
            exchange.upgrade = upgrade.map { Array(request.bytes.slice($0)) }
            var rules = outcome?.request
            if loop.settings.keepsAnswers {
                rules = prepareCache(request, route, upstream: target.configuration.name, rules: rules)
            }
            planGathering(request.head, target.configuration)
            if exchange.gathering?.isWhole == true, exchange.expectsContinue {
                // The gateway sends 100 Continue itself.
                var without = rules ?? HeaderRules()
                without.removed.append(Self.expect)
                rules = without
            }
            if route.responseRewrite != nil { exchange.responseHosts = responseHosts(request, upstream: upstream) }
            requestHead.clear(minimumCapacity: 1024)
            HeaderEdits.writeRequest(
                request, path: route.rewrite?.apply(request.path),
                rules: rules, upgrade: upgrade, span: exchange.span?.context, host: target.fixedHost,
                prefix: route.rewrite?.stripped(request.path), isGathered: exchange.isLengthAdded,
                defaultHost: target.defaultHost, requestID: requestID, random: &loop.random, to: &requestHead)
        case .call(let route, let call, let outcome):
            let upstream = call.route.upstream
            exchange.balanceKey = loop.upstreams[upstream].key(request)
            exchange.isReplayable = route.retries != nil && isRepeatable(request)
            exchange.path = String(decoding: request.path, as: UTF8.self)
            requestHead.clear(minimumCapacity: 1024)
            HeaderEdits.writeRequest(
                request, rules: outcome?.request, span: exchange.span?.context,
                host: loop.settings.upstreams[upstream].fixedHost,
                prefix: route.rewrite?.stripped(request.path),
                defaultHost: loop.settings.upstreams[upstream].defaultHost, requestID: requestID,
                random: &loop.random, to: &requestHead)
        case .aggregate(_, let plan, let outcome):
            exchange.path = String(decoding: request.path, as: UTF8.self)
            prepareAggregation(request, plan, outcome)
        case .local, .answer, .problem:
            exchange.path = String(decoding: request.path, as: UTF8.self)
        case .later:
            break
        }
        return dispatch
    }

    /// Whether the method is safe or the client sent an idempotency key.
    private func isRepeatable(_ request: RequestView) -> Bool {
        exchange.method.isSafe || request.header(Self.idempotencyKey) != nil
    }

    /// The protocol to upgrade to, if the route allows it and the request asks for it as in RFC 9110 §7.8, without a
    /// body. Otherwise the request is handled normally and its `Upgrade` is dropped.
    private func upgrade(_ request: RequestView, _ route: GatewaySettings.CompiledRoute) -> ByteRange? {
        guard !route.upgrades.isEmpty, request.head.wantsUpgrade, request.head.isVersion11, request.head.method == .get,
            request.head.framing == .none, let range = request.head.upgrade,
            route.upgrades.contains(where: { request.bytes.slice(range).equalsIgnoringCase($0) })
        else { return nil }
        return range
    }

    /// The longest request body, in bytes, that is read completely before it takes an upstream connection, so that slow
    /// clients do not occupy connections.
    static let gatherLimit = 16 * 1024

    private static let idempotencyKey = Array("idempotency-key".utf8)
    private static let expect = Array("expect".utf8)

    /// The host names that the service may use in its responses, and the one that the client used.
    private func responseHosts(_ request: RequestView, upstream: Int) -> ResponseRewrite.Hosts {
        let target = loop.settings.upstreams[upstream]
        let asked = (request.target.authority ?? request.head.host).map { Array(request.bytes.slice($0)) }
        return .init(client: asked ?? target.defaultHost, own: target.ownHosts)
    }

    /// Uses the client's id if it is safe to log and echo, else creates one.
    func makeRequestID(_ sent: UnsafeRawBufferPointer?) {
        requestID.removeAll(keepingCapacity: true)
        if let sent, (1...64).contains(sent.count), sent.allSatisfy(ASCIISet.requestID.contains) {
            requestID.append(contentsOf: sent)
        } else {
            loop.random.appendHexadecimal(to: &requestID)
            loop.random.appendHexadecimal(to: &requestID)
        }
    }

    // MARK: overload

    /// Counts an admitted request until it ends.
    private func admit(_ dispatch: Dispatch) {
        if case .problem(let problem, _, _) = dispatch, problem.code == Problem.shed.code {
            loop.metrics.requestShed()
        } else {
            exchange.isAdmitted = true
            loop.underWay += 1
        }
    }

    /// Enters the concurrency limits of the route and then of the upstream, and sends the request.
    func enterLimits() {
        while let limit = nextLimit {
            switch limit.enter(self) {
            case .entered:
                exchange.entered.append(limit)
            case .waiting(let ticket):
                exchange.queued = ticket
                arm(.turn)
                return
            case .full:
                loop.metrics.concurrencyRefused()
                return exchangeFailed(.overloaded)
            }
        }
        guard let aggregation = exchange.aggregation else { return startAttempt() }
        arm(.firstByte)
        aggregation.start()
    }

    private var nextLimit: ConcurrencyLimit? {
        let (own, upstream) = (exchange.route?.concurrency, exchange.cluster?.concurrency)
        if let own, !exchange.entered.contains(where: { $0 === own }) { return own }
        if let upstream, !exchange.entered.contains(where: { $0 === upstream }) { return upstream }
        return nil
    }

    /// A queued request has entered the limit.
    func entered(_ limit: ConcurrencyLimit) {
        exchange.queued = nil
        exchange.entered.append(limit)
        enterLimits()
        process()
    }

    /// Leaves all limits; nothing is in progress for the request anymore.
    func leaveLimits() {
        if exchange.isAdmitted {
            exchange.isAdmitted = false
            loop.underWay -= 1
        }
        exchange.queued?.cancel()
        exchange.queued = nil
        guard !exchange.entered.isEmpty else { return }
        let entered = exchange.entered
        exchange.entered = []
        for limit in entered { limit.leave() }
    }
}

import MartletCore
import MartletTelemetry
import NIOCore

/// One request and its answer, as far as the client's handler must remember them.
struct ClientExchange {
    var method = RequestMethod.other
    var label = RouteLabel.invalid
    var started = NIODeadline.uptimeNanoseconds(0)
    var isVersion11 = true
    var expectsBody = false
    var maximumBody = Int.max
    var bodyBytes = 0
    /// The length of a request body that is short enough to be gathered before an upstream is asked; or else 0.
    var smallBody = 0
    /// Of interim answers that have gone on to the client.
    var interimBytes = 0
    /// The body is still on its way to memory.
    var isGathering = false
    /// How much of a body is gathered before an upstream is asked; nil when that is over, or not done.
    var gathering: BodyGathering?
    /// What has been gathered and not been sent.
    var gathered = ByteBuffer()
    /// Whether a chunked body goes upstream as one with a length.
    var isLengthAdded = false
    var expectsContinue = false
    /// How fast bytes pass on the connection that it holds.
    var pace = Pace(.uptimeNanoseconds(0))
    /// The hosts that an answer's references are compared with, where they are mapped back.
    var responseHosts: ResponseRewrite.Hosts?
    /// Who waits for the body, if it is not an upstream.
    var local: HeldLocalRequest?
    var route: GatewaySettings.CompiledRoute?
    /// What policies add to the answer.
    var outcome: PolicyOutcome?
    var pool: EndpointPool?
    /// The attempt that is under way.
    var attempt: UpstreamAttempt?
    var cluster: UpstreamCluster?
    /// What the choice of an endpoint goes by.
    var balanceKey: UInt64 = 0
    /// The endpoints that have failed this request.
    var tried = EndpointSet()
    /// How many of them could not be reached, one after the other.
    var refusals = 0
    var retries = 0
    /// Whether the request may be sent again as far as it is concerned.
    var isReplayable = false
    /// What has been sent of its body, for sending it again.
    var keptBody: ByteBuffer?
    /// The parts of the answer, when several upstreams give it.
    var aggregation: Aggregation?
    /// What the request has to do with the cache.
    var cache: CacheExchange?
    /// Asks for another protocol than HTTP.
    var upgrade: [UInt8]?
    /// The limits that the request counts against now, and the one that it waits for.
    var entered: [ConcurrencyLimit] = []
    var queued: ConcurrencyTicket?
    /// Whether the load shedder has let it pass, and counts it.
    var isAdmitted = false
    var totalDeadline = NIODeadline.distantFuture
    /// Whether an upstream has said that it did not look at the call.
    var wasUnprocessed = false
    var status = 0
    var isResponseChunked = false
    /// Compresses the answer that is under way.
    var deflater: Deflater?
    /// Whether pieces of the answer must not wait in ``deflater``: nobody knows when the next one comes.
    var isStreaming = false
    /// The end of the connection is the end of the answer, as HTTP/1.0 has it.
    var isResponseUntilClose = false
    /// The path, when it is needed for a problem or the log.
    var path: String?
    /// Whom the request is from; see ``ClientAddress``.
    var client: IPAddress?
    /// Whether that is what proxies say.
    var isForwarded = false
    var file: StaticFileReader?
    /// Set where traces are recorded.
    var span: ExchangeSpan?
    /// What becomes a gRPC call.
    var call: GRPCCall?
    /// Tells the answers of local routes apart that come after their client has gone on.
    var number: UInt64 = 0
}

/// A request whose head waits until its policies know what they must.
struct HeldHead {
    let bytes: ByteBuffer
    let head: RequestHead
}

extension ClientHandler {
    /// The head is complete: decides what becomes of the request.
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

    /// Finds out what a policy asks, and decides anew.
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
            // Otherwise it stands in the head that goes upstream.
            if route.rewrite != nil { exchange.path = String(decoding: request.path, as: UTF8.self) }
            let upgrade = upgrade(request, route)
            exchange.upgrade = upgrade.map { Array(request.bytes.slice($0)) }
            var rules = outcome?.request
            if loop.settings.keepsAnswers {
                rules = prepareCache(request, route, upstream: target.configuration.name, rules: rules)
            }
            planGathering(request.head, target.configuration)
            if exchange.gathering?.isWhole == true, exchange.expectsContinue {
                // The gateway says itself that the body may come.
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

    /// Whether the request has no effect, or the client says that the service knows a second one by its key.
    private func isRepeatable(_ request: RequestView) -> Bool {
        exchange.method.isSafe || request.header(Self.idempotencyKey) != nil
    }

    /// The protocol that the request may change to: one that the route knows, asked for as RFC 9110 §7.8 has it by a
    /// request that has no body. Anything else is an ordinary request, whose `Upgrade` goes nowhere.
    private func upgrade(_ request: RequestView, _ route: GatewaySettings.CompiledRoute) -> ByteRange? {
        guard !route.upgrades.isEmpty, request.head.wantsUpgrade, request.head.isVersion11, request.head.method == .get,
            request.head.framing == .none, let range = request.head.upgrade,
            route.upgrades.contains(where: { request.bytes.slice(range).equalsIgnoringCase($0) })
        else { return nil }
        return range
    }

    /// Request bodies up to this length are complete before they take a connection to an upstream, so that clients
    /// who send them slowly do not keep those from others.
    static let gatherLimit = 16 * 1024

    private static let idempotencyKey = Array("idempotency-key".utf8)
    private static let expect = Array("expect".utf8)

    /// What the service may call itself in its answers, and what the client calls it.
    private func responseHosts(_ request: RequestView, upstream: Int) -> ResponseRewrite.Hosts {
        let target = loop.settings.upstreams[upstream]
        let asked = (request.target.authority ?? request.head.host).map { Array(request.bytes.slice($0)) }
        return .init(client: asked ?? target.defaultHost, own: target.ownHosts)
    }

    /// Takes the client's id when it is harmless to log and to echo, and makes one otherwise.
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

    /// Counts what was not refused until it ends.
    private func admit(_ dispatch: Dispatch) {
        if case .problem(let problem, _, _) = dispatch, problem.code == Problem.shed.code {
            loop.metrics.requestShed()
        } else {
            exchange.isAdmitted = true
            loop.underWay += 1
        }
    }

    /// Passes the limits of the route and of the upstream, in this order, then sends the request.
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
                loop.metrics.requestTurnedAway()
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

    /// The request's turn has come.
    func entered(_ limit: ConcurrencyLimit) {
        exchange.queued = nil
        exchange.entered.append(limit)
        enterLimits()
        process()
    }

    /// Nothing is under way for the request any more.
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

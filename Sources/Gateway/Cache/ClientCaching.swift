import MartletCore
import NIOCore

/// Serves responses from the cache and stores new ones.
extension ClientHandler {
    // MARK: the request

    /// Determines how a request uses the cache, if at all.
    /// - Returns: the rules for the upstream request's head.
    func prepareCache(
        _ request: RequestView, _ route: GatewaySettings.CompiledRoute, upstream: String, rules: HeaderRules?
    )
        -> HeaderRules?
    {
        let store = loop.settings.cache
        guard exchange.method.isSafe else {
            exchange.cache = CacheExchange(.invalidates(key: CachePolicy.key(request)), request, store)
            return rules
        }
        guard let policy = route.cache, exchange.method != .options else { return rules }
        if let reason = CacheExchange.reasonToPass(request, upgrades: exchange.upgrade != nil) {
            exchange.cache = CacheExchange(.passes(reason), request, store)
            return rules
        }
        let cache = CacheExchange(.reads(policy, policy.request(request, upstream: upstream)), request, store)
        exchange.cache = cache
        var rules = rules ?? HeaderRules()
        rules.removed += CacheExchange.replaced
        return rules
    }

    /// Answers from the cache, or waits for or starts a request to the upstream.
    func lookUp(_ cache: CacheExchange, waits: Bool = true) {
        guard case .reads(let policy, let request) = cache.role else { return forward() }
        cache.isWaiting = false
        // The response to a HEAD is of no use to other requests.
        let waiter = waits && exchange.method == .get ? makeWaiter() : nil
        let found = cache.store.lookup(
            request, policy.rules, control: cache.control, isIdentified: cache.isIdentified, waiter: waiter)
        switch found {
        case .hit(let answer, let age, let isStale):
            let remaining = policy.rules.lifetime(of: answer.fields) - age
            let detail = isStale ? "; detail=\"being validated\"" : ""
            serve(answer, "hit; ttl=\(remaining)\(detail)", isStale ? .stale : .hit)
            return
        case .wait:
            cache.isWaiting = true
            // Set only once, so that a second wait continues the first.
            if cache.reason.utf8CodeUnitCount == 0 { arm(.cache) }
            cache.reason = "fwd=uri-miss; collapsed"
            return
        case .stale(let answer, let onError, let fill):
            cache.fill = fill
            if exchange.method == .get { cache.stale = answer }
            cache.servesStaleOnError = onError
            cache.reason = cache.control.noCache ? "fwd=request" : "fwd=stale"
        case .miss(let fill):
            cache.fill = fill
            if cache.reason.utf8CodeUnitCount == 0 { cache.reason = "fwd=uri-miss" }
        }
        if cache.control.onlyIfCached {
            cache.abandon()
            return answer(.notCached)
        }
        cache.asked = cache.store.now
        appendConditions(cache)
        forward()
    }

    /// Appends the conditions to the upstream request's head: those of the stored response, else the client's.
    private func appendConditions(_ cache: CacheExchange) {
        var lines: [UInt8] = []
        if let stale = cache.stale {
            if let etag = stale.fields.etag { lines += "If-None-Match: \(etag)\r\n".utf8 }
            if let date = stale.fields.lastModified { lines += "If-Modified-Since: \(date)\r\n".utf8 }
        } else {
            lines = cache.conditions
        }
        cache.conditionLength = lines.count
        guard !lines.isEmpty, requestHead.readableBytes >= 2 else { return }
        // Before the empty line at the end.
        requestHead.moveWriterIndex(to: requestHead.writerIndex - 2)
        requestHead.writeBytes(lines)
        requestHead.writeStaticString("\r\n")
    }

    private func makeWaiter() -> ResponseCache.Waiter? {
        guard let context else { return nil }
        let (eventLoop, number) = (context.eventLoop, exchange.number)
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        return { end in
            eventLoop.execute {
                let client = box.value
                guard client.exchange.number == number, let cache = client.exchange.cache, cache.isWaiting,
                    client.machine.isWaitingForResponse
                else { return }
                client.lookUp(cache, waits: end == .asked)
                client.process()
            }
        }
    }

    /// The request that fetches the response takes too long.
    func cacheWaitTimedOut() {
        guard let cache = exchange.cache, cache.isWaiting else { return }
        lookUp(cache, waits: false)
        process()
    }

    // MARK: the response

    /// - Returns: whether a stored response is served in place of the upstream's.
    func replaces(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, _ cache: CacheExchange) -> Bool {
        switch cache.role {
        case .invalidates(let key):
            if (200..<400).contains(head.status) { cache.store.invalidate(key) }
        case .passes: break
        case .reads(let policy, let request):
            guard let stale = cache.stale else { break }
            if head.status == 304 {
                let answer = CacheFields(bytes, headers: head.headers, status: 304)
                guard answer.confirms(stale.fields) else { return refetch(cache, request) }
                let fresh = CachedResponse(
                    stale, freshenedBy: bytes, head, request: request, asked: cache.asked, received: cache.store.now,
                    date: loop.dateLine)
                let mayStore = fresh.map {
                    policy.rules.mayStore($0.fields, request: cache.control, isIdentified: cache.isIdentified)
                }
                if mayStore == true {
                    cache.fill?.end(fresh)
                } else {
                    cache.store.invalidate(request.key)
                    cache.fill?.end(nil, .notShared)
                }
                cache.fill = nil
                cache.stale = nil
                cache.validated = fresh ?? stale
                return true
            }
            guard [500, 502, 503, 504].contains(head.status), cache.servesStaleOnError else { break }
            let failing = upstream
            upstream = nil
            failing?.close()
            return servesStale(cache)
        }
        return false
    }

    /// The upstream's 304 refers to a response other than the stored one, so requests it without conditions.
    private func refetch(_ cache: CacheExchange, _ request: CacheRequest) -> Bool {
        guard let context, requestHead.readableBytes >= cache.conditionLength + 2 else { return false }
        cache.store.forget(request.key)
        cache.stale = nil
        cache.servesStaleOnError = false
        requestHead.moveWriterIndex(to: requestHead.writerIndex - cache.conditionLength - 2)
        requestHead.writeStaticString("\r\n")
        appendConditions(cache)
        let asked = upstream
        upstream = nil
        endAttempt(.abandoned)
        asked?.close()
        let number = exchange.number
        arm(.connection)
        let box = NIOLoopBound(self, eventLoop: context.eventLoop)
        // Deferred, to run outside the callback of the connection being closed.
        context.eventLoop.execute { box.value.startAttempt(of: number) }
        return true
    }

    /// Serves the stale response because the upstream fails.
    func servesStale(_ cache: CacheExchange) -> Bool {
        guard cache.servesStaleOnError, let answer = cache.stale, machine.isWaitingForResponse else { return false }
        cache.stale = nil
        releaseUpstream()
        serve(answer, "\(cache.reason); detail=\"upstream failed\"", .stale)
        return true
    }

    func serve(_ answer: CachedResponse, _ status: String, _ outcome: CacheOutcome) {
        guard let cache = exchange.cache else { return }
        loop.metrics.record(outcome, exchange.label)
        let extra = Array("Age: \(answer.age(at: cache.store.now))\r\n".utf8) + cache.line(status)
        if cache.isKnown(answer) {
            return send(
                GatewayResponse(status: 304, fields: answer.notModifiedLines + extra, body: .bytes(ByteBuffer())))
        }
        answer.head.withUnsafeReadableBytes { bytes in
            startResponse(bytes, answer.parsed, framing: answer.parsed.framing(for: exchange.method), extra: extra)
        }
        if exchange.method != .head, answer.body.readableBytes > 0 { responseData(answer.body) }
        responseCompleted()
    }

    /// Starts storing the upstream's response, and returns its `Cache-Status` line.
    func cacheLines(
        _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming, _ cache: CacheExchange
    ) -> [UInt8] {
        switch cache.role {
        case .invalidates: return []
        case .passes(let reason):
            loop.metrics.record(.bypass, exchange.label)
            return cache.line("\(reason)")
        case .reads:
            loop.metrics.record(.miss, exchange.label)
            let isKept = cache.record(bytes, head, method: exchange.method, framing: framing)
            return cache.line("\(cache.reason); fwd-status=\(head.status)\(isKept ? "; stored" : "")")
        }
    }
}

extension Problem {
    /// RFC 9111 §5.2.1.7.
    static let notCached = Problem(
        status: 504, detail: "No cached response is available.", code: "not_cached")
}

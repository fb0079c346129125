import MartletCore
import NIOCore

/// A route's cache settings, compiled.
final class CachePolicy: Sendable {
    let rules: CacheRules
    let maximumBody: Int
    let wait: TimeAmount
    /// Whether the route requires authentication.
    let isAuthenticated: Bool
    private let keyHeaders: [[UInt8]]
    /// Distinguishes the route's responses from those of other routes for the same URI.
    private let scope: [UInt8]

    /// - Returns: nil for a route that caches nothing.
    init?(_ route: GatewayConfiguration.RouteRule) {
        guard let cache = route.cache else { return nil }
        func seconds(_ amount: TimeAmount) -> Int64 { amount.nanoseconds / 1_000_000_000 }
        rules = CacheRules(
            maximumAge: seconds(cache.maximumAge), defaultAge: seconds(cache.defaultAge),
            staleIfError: seconds(cache.staleIfError))
        maximumBody = cache.maximumBody
        wait = cache.wait
        isAuthenticated = route.policies.authentication != nil
        keyHeaders = cache.keyHeaders.map { Array($0.lowercased().utf8) }
        let headers = route.headers.map { "\($0.key.lowercased())=\($0.value)" }.sorted()
        let edits = route.policies.requestHeaders
        let added = (Array(edits.set) + Array(edits.add)).map { "\($0.key)=\($0.value)" }.sorted()
        let removed = edits.remove.sorted()
        scope = Array("\(route.match) \(route.hosts.sorted()) \(headers) \(route.rewrite) \(added) \(removed)".utf8)
    }

    func request(_ request: RequestView, upstream: String) -> CacheRequest {
        var scope = scope + [ASCII.lineFeed] + upstream.utf8
        for name in keyHeaders {
            scope.append(ASCII.lineFeed)
            scope += CacheRequest.value(name, in: request.bytes, headers: request.head.headers)
        }
        return CacheRequest(
            key: Self.key(request), scope: scope, headers: Array(request.bytes.slice(request.head.headers)))
    }

    /// The requested URI, together with what trusted proxies report about it, since the upstream sees that too.
    static func key(_ request: RequestView) -> [UInt8] {
        var key = Array(request.peer.scheme.utf8)
        key.append(ASCII.space)
        if let host = request.target.authority ?? request.head.host {
            key += request.bytes.slice(host).map(ASCII.lowercased)
        }
        key.append(ASCII.space)
        key += request.path
        key += request.bytes.slice(request.target.query)
        if request.peer.isTrusted, request.head.hasForwarding {
            for name in ["x-forwarded-proto", "x-forwarded-host", "forwarded"] {
                key.append(ASCII.space)
                key += CacheRequest.value(Array(name.utf8), in: request.bytes, headers: request.head.headers)
            }
        }
        return key
    }
}

/// What the cache did for a request, for the metrics.
enum CacheOutcome: UInt8 {
    /// Served from the cache.
    case hit
    /// Served after the upstream confirmed that it is still valid.
    case validated
    /// Served stale, because the upstream fails or another request is revalidating it.
    case stale
    /// Served by the upstream.
    case miss
    /// Not looked up.
    case bypass
}

/// The cache's state for one request. Confined to its event loop.
final class CacheExchange {
    enum Role {
        /// May be answered from the cache, and its response may be stored.
        case reads(CachePolicy, CacheRequest)
        /// Bypasses the cache; `Cache-Status` gives the reason.
        case passes(StaticString)
        /// Changes the resource, which invalidates stored responses.
        case invalidates(key: [UInt8])
    }

    let role: Role
    let store: ResponseCache
    let control: CacheControl
    /// Whether the request or the route identifies the user.
    let isIdentified: Bool
    /// The request's own conditional fields, as lines.
    let conditions: [UInt8]
    private let ifNoneMatch: String?
    private let ifModifiedSince: String?

    var fill: CacheFill?
    /// The length of the conditional fields at the end of the upstream request's head.
    var conditionLength = 0
    /// The stored response to validate.
    var stale: CachedResponse?
    var servesStaleOnError = false
    var isWaiting = false
    /// Served once the upstream connection is free again.
    var validated: CachedResponse?
    /// When the upstream was requested, in seconds since 1970.
    var asked: Int64 = 0
    /// The parameters for `Cache-Status`.
    var reason: StaticString = ""
    private var recording: Recording?

    private struct Recording {
        let head: ByteBuffer
        let parsed: ResponseHead
        var body: ByteBuffer
    }

    init(_ role: Role, _ request: RequestView, _ store: ResponseCache) {
        self.role = role
        self.store = store
        var isIdentified = false
        var conditions: [UInt8] = []
        var (tags, since): (String?, String?)
        let bytes = request.bytes
        Nomination.forEachLine(in: bytes, headers: request.head.headers) { name, value, line in
            if name.equalsIgnoringCase("authorization") || name.equalsIgnoringCase("cookie") {
                isIdentified = true
            } else if name.equalsIgnoringCase("if-none-match") {
                conditions += bytes.slice(line)
                tags = (tags.map { $0 + ", " } ?? "") + String(decoding: value, as: UTF8.self)
            } else if name.equalsIgnoringCase("if-modified-since") {
                conditions += bytes.slice(line)
                since = String(decoding: value, as: UTF8.self)
            }
        }
        if case .reads(let policy, _) = role, policy.isAuthenticated { isIdentified = true }
        self.isIdentified = isIdentified
        self.conditions = conditions
        ifNoneMatch = tags
        ifModifiedSince = since
        control = CacheControl(bytes, headers: request.head.headers)
    }

    deinit { abandon() }

    /// Fields that are not forwarded as they are: codings, which would need separate entries, and conditions, which the
    /// cache may replace with its own.
    static let replaced = ["accept-encoding", "if-none-match", "if-modified-since"].map { Array($0.utf8) }

    /// Why a cacheable request bypasses the cache; nil if it does not.
    static func reasonToPass(_ request: RequestView, upgrades: Bool) -> StaticString? {
        // Fields nominated by Connection do not reach the upstream, so they must not affect the lookup.
        if request.head.framing != .none || request.head.hasConnectionOptions || upgrades { return "fwd=bypass" }
        var reason: StaticString?
        Nomination.forEachLine(in: request.bytes, headers: request.head.headers) { name, _, _ in
            if name.equalsIgnoringCase("range") || name.equalsIgnoringCase("if-range")
                || name.equalsIgnoringCase("if-match") || name.equalsIgnoringCase("if-unmodified-since")
            {
                reason = "fwd=bypass"
            }
        }
        return reason
    }

    /// Whether the client already has this response (RFC 9110 §13.2.2).
    func isKnown(_ answer: CachedResponse) -> Bool {
        guard answer.fields.status == 200 else { return false }
        if let ifNoneMatch {
            return ifNoneMatch.utf8.elementsEqual("*".utf8)
                || answer.fields.etag.map { EntityTags.contain(ifNoneMatch, $0, isStrong: false) } ?? false
        }
        guard let since = ifModifiedSince.flatMap({ HTTPDate.parse($0) }),
            let modified = answer.fields.lastModified.flatMap({ HTTPDate.parse($0) })
        else { return false }
        return modified <= since
    }

    // MARK: storing

    /// Starts recording a response if it may be stored; otherwise releases the requests that wait for it.
    /// - Returns: whether it may be stored.
    func record(
        _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, method: RequestMethod, framing: BodyFraming
    ) -> Bool {
        guard case .reads(let policy, let request) = role else { return false }
        let fields = CacheFields(bytes, headers: head.headers, status: head.status, received: store.now)
        let fits = head.contentLength.map { $0 <= policy.maximumBody } ?? true
        guard method == .get, framing != .untilClose, fits, fill != nil,
            policy.rules.mayStore(fields, request: control, isIdentified: isIdentified)
        else {
            // The stored response is outdated.
            if stale != nil, head.status < 500 { store.invalidate(request.key) }
            give(up: .notShared)
            return false
        }
        var body = ByteBuffer()
        body.reserveCapacity(head.contentLength ?? 0)
        recording = Recording(
            head: ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<min(head.end, bytes.count)])),
            parsed: head, body: body)
        return true
    }

    func append(_ data: ByteBuffer) {
        guard recording != nil, case .reads(let policy, _) = role else { return }
        let count = (recording?.body.readableBytes ?? 0) + data.readableBytes
        guard count <= policy.maximumBody, store.collect(data.readableBytes) else { return give(up: .notShared) }
        recording?.body.writeImmutableBuffer(data)
    }

    /// The response is complete; stores it.
    func complete(date: [UInt8]) {
        guard let recording, let fill, case .reads(_, let request) = role else { return }
        let answer = recording.head.withUnsafeReadableBytes { bytes in
            CachedResponse(
                bytes, recording.parsed, body: recording.body, request: request, asked: asked, received: store.now,
                date: date)
        }
        drop()
        self.fill = nil
        fill.end(answer)
    }

    /// Gives up without a response.
    func abandon() { give(up: .asked) }

    func give(up end: ResponseCache.End) {
        drop()
        let fill = self.fill
        self.fill = nil
        fill?.end(nil, end)
    }

    private func drop() {
        guard let recording else { return }
        store.release(recording.body.readableBytes)
        self.recording = nil
    }

    // MARK: Cache-Status (RFC 9211)

    func line(_ parameters: String) -> [UInt8] { Array("Cache-Status: martlet; \(parameters)\r\n".utf8) }
}

import MartletCore
/// The fields of a response that matter to a cache.
struct CacheFields: Sendable {
    var status = 0
    var control = CacheControl()
    /// Seconds since 1970.
    var date: Int64?
    /// The `Age` of the response in seconds, at most 2³¹.
    var age: Int64 = 0
    /// Seconds since 1970; an invalid value counts as expired.
    var expires: Int64?
    var etag: String?
    /// As sent: validators are compared, not interpreted.
    var lastModified: String?
    /// Names of request fields, in lower case.
    var vary: [[UInt8]] = []
    var variesByEverything = false
    var setsCookie = false
    var isEncoded = false
    var isPart = false

    /// The most names in `Vary`; a response with more varies by everything.
    static let maximumVary = 32

    init() {}

    /// - Parameter received: when the response arrived, in seconds since 1970; the default of `Date` (RFC 9110 §6.6.1).
    init(_ bytes: UnsafeRawBufferPointer, headers: ByteRange, status: Int, received: Int64? = nil) {
        var fields = CacheFields()
        func text(_ value: UnsafeRawBufferPointer) -> String { String(decoding: value, as: UTF8.self) }
        var hasAge = false
        Nomination.forEachLine(in: bytes, headers: headers) { name, value, _ in
            switch name.count {
            // RFC 9111 §5.1: the first member of the list counts; an invalid number is ignored.
            case 3 where name.equalsIgnoringCase("age"):
                guard !hasAge else { break }
                hasAge = true
                var first: UnsafeRawBufferPointer?
                ListElements.forEach(in: value) { if first == nil { first = $0 } }
                fields.age = first.flatMap { CacheControl.deltaSeconds($0) } ?? 0
            case 4 where name.equalsIgnoringCase("date"): fields.date = HTTPDate.parse(text(value))
            case 4 where name.equalsIgnoringCase("etag"): fields.etag = text(value)
            case 4 where name.equalsIgnoringCase("vary"):
                ListElements.forEach(in: value) { element in
                    // Fields that the gateway sets, such as the user's identity, are not in the client's request.
                    if element.equalsIgnoringCase("*") || !Self.isClients(element) { fields.variesByEverything = true }
                    let name = element.map(ASCII.lowercased)
                    guard !fields.vary.contains(name) else { return }
                    // Each one is compared on every request.
                    if fields.vary.count == Self.maximumVary {
                        fields.variesByEverything = true
                    } else {
                        fields.vary.append(name)
                    }
                }
            // The first of several counts (RFC 9111 §4.2.1).
            case 7 where name.equalsIgnoringCase("expires"):
                if fields.expires == nil { fields.expires = HTTPDate.parse(text(value)) ?? 0 }
            case 10 where name.equalsIgnoringCase("set-cookie"): fields.setsCookie = true
            case 13 where name.equalsIgnoringCase("last-modified"): fields.lastModified = text(value)
            case 13 where name.equalsIgnoringCase("content-range"): fields.isPart = true
            case 16 where name.equalsIgnoringCase("content-encoding"):
                if !value.equalsIgnoringCase("identity") { fields.isEncoded = true }
            default: break
            }
        }
        fields.date = fields.date ?? received
        self = fields
        self.status = status
        control = CacheControl(bytes, headers: headers)
    }

    /// Whether a field is forwarded unchanged or is part of every cache key.
    private static func isClients(_ name: UnsafeRawBufferPointer) -> Bool {
        switch RequestField(name) {
        case .passed: !name.contains(ASCII.underscore)
        case .host: true
        case .dropped, .forwarding, .contentLength, .transferEncoding, .connection, .upgrade, .expect, .requestID,
            .traceparent:
            false
        }
    }

    var hasValidator: Bool { etag != nil || lastModified != nil }

    /// Whether a 304 with these fields refers to the stored response (RFC 9111 §4.3.4): its validators match, or it has
    /// none.
    func confirms(_ stored: CacheFields) -> Bool {
        if let etag {
            guard let known = stored.etag else { return false }
            // A strong tag identifies one representation; weak tags may match equivalent ones.
            return EntityTags.contain(known, etag, isStrong: !etag.utf8.starts(with: "W/".utf8))
        }
        guard let lastModified else { return true }
        return stored.lastModified == nil || stored.lastModified == lastModified
    }
}

/// The rules of RFC 9111 for a shared cache, with the route's limits. Performs no I/O; all times are in seconds.
struct CacheRules: Sendable, Equatable {
    /// The longest time a response is fresh, whatever it says itself.
    var maximumAge: Int64 = 3600
    /// How long a response without freshness information is fresh.
    var defaultAge: Int64 = 0
    /// How much longer a stale response may be served while the upstream fails, unless the response says otherwise.
    var staleIfError: Int64 = 0

    /// The heuristically cacheable statuses (RFC 9110 §15.1) whose content is worth storing.
    static let statuses: Set<Int> = [200, 203, 300, 301, 308, 404, 410]

    /// Whether a response may be stored.
    /// - Parameters:
    ///   - request: the request's directives.
    ///   - isIdentified: whether the request or the route identifies the user. If so, only responses marked as
    ///     shareable are stored. RFC 9111 §3.5 would also permit `must-revalidate`, which says nothing about who may
    ///     see the response.
    func mayStore(_ answer: CacheFields, request: CacheControl, isIdentified: Bool) -> Bool {
        guard Self.statuses.contains(answer.status), !request.noStore, !answer.control.noStore,
            !answer.control.isPrivate, !answer.setsCookie, !answer.isPart, !answer.variesByEverything,
            // No coding was requested, and not every client can decode this one.
            !answer.isEncoded
        else { return false }
        if isIdentified, !isForAll(answer) { return false }
        return lifetime(of: answer) > 0 || answer.hasValidator
    }

    /// Whether the response is explicitly shareable between users.
    func isForAll(_ answer: CacheFields) -> Bool { answer.control.isPublic || answer.control.sharedMaxAge != nil }

    /// How long a response is fresh (RFC 9111 §4.2.1).
    func lifetime(of answer: CacheFields) -> Int64 {
        if answer.control.noCache { return 0 }
        let said =
            answer.control.sharedMaxAge ?? answer.control.maxAge
            ?? answer.expires.map { expires in max(0, expires - (answer.date ?? expires)) }
        return min(said ?? defaultAge, maximumAge)
    }

    /// The age of a response when it arrived (RFC 9111 §4.2.3).
    /// - Parameters:
    ///   - asked: when the request was sent.
    ///   - received: when the response arrived.
    static func initialAge(of answer: CacheFields, asked: Int64, received: Int64) -> Int64 {
        let apparent = max(0, received - (answer.date ?? received))
        return max(apparent, answer.age + max(0, received - asked))
    }

    /// How a stored response may be used.
    enum Reuse: Equatable {
        case fresh
        /// Must be validated first.
        /// - whileValidating: it may be served to other requests during validation.
        /// - onError: it may be served if validation fails.
        case stale(whileValidating: Bool, onError: Bool)
    }

    func reuse(_ answer: CacheFields, age: Int64, request: CacheControl) -> Reuse {
        let lifetime = lifetime(of: answer)
        let staleness = age - lifetime
        let mayBeStale = !answer.control.mustRevalidate && !answer.control.noCache
        if !request.noCache, request.maxAge.map({ age <= $0 }) ?? true {
            if staleness < 0, -staleness >= request.minFresh ?? 0 { return .fresh }
            if mayBeStale, answer.control.sharedMaxAge == nil, let allowed = request.maxStale,
                (0...allowed).contains(staleness)
            {
                return .fresh
            }
        }
        func within(_ allowed: Int64?) -> Bool { mayBeStale && staleness <= allowed ?? 0 && allowed ?? 0 > 0 }
        return .stale(
            whileValidating: !request.noCache && staleness >= 0 && within(answer.control.staleWhileRevalidate),
            onError: within(answer.control.staleIfError ?? staleIfError))
    }
}

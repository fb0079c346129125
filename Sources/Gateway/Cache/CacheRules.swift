import MartletCore

/// What an answer's head says that a cache goes by.
struct CacheFields: Sendable {
    var status = 0
    var control = CacheControl()
    /// Seconds since 1970.
    var date: Int64?
    /// As the answer says, in seconds; never more than 2³¹.
    var age: Int64 = 0
    /// Seconds since 1970; a value that is no date has passed already.
    var expires: Int64?
    var etag: String?
    /// As it was sent: a validator is compared, not understood.
    var lastModified: String?
    /// Names of request fields, in lower case.
    var vary: [[UInt8]] = []
    var variesByEverything = false
    var setsCookie = false
    var isEncoded = false
    var isPart = false

    /// Names in `Vary`; an answer that goes by more goes by everything.
    static let maximumVary = 32

    init() {}

    /// - Parameter received: when the answer came, in seconds since 1970: the date of one that says none (RFC 9110 §6.6.1).
    init(_ bytes: UnsafeRawBufferPointer, headers: ByteRange, status: Int, received: Int64? = nil) {
        var fields = CacheFields()
        func text(_ value: UnsafeRawBufferPointer) -> String { String(decoding: value, as: UTF8.self) }
        var hasAge = false
        Nomination.forEachLine(in: bytes, headers: headers) { name, value, _ in
            switch name.count {
            // RFC 9111 §5.1: of a list, or of several lines, the first member; what is no number is passed over.
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
                    // What the gateway writes itself, such as who the user is, is not in the request that came.
                    if element.equalsIgnoringCase("*") || !Self.isClients(element) { fields.variesByEverything = true }
                    let name = element.map(ASCII.lowercased)
                    guard !fields.vary.contains(name) else { return }
                    // Each is looked for in every request.
                    if fields.vary.count == Self.maximumVary {
                        fields.variesByEverything = true
                    } else {
                        fields.vary.append(name)
                    }
                }
            // Of several the first (RFC 9111 §4.2.1).
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

    /// Whether a field goes upstream as the client sent it, or is in the key of every answer.
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

    /// Whether a 304 with these fields speaks of an answer that has those (RFC 9111 §4.3.4): its validators are the same,
    /// or it has none.
    func confirms(_ stored: CacheFields) -> Bool {
        if let etag {
            guard let known = stored.etag else { return false }
            // A strong one names one representation, a weak one what means the same.
            return EntityTags.contain(known, etag, isStrong: !etag.utf8.starts(with: "W/".utf8))
        }
        guard let lastModified else { return true }
        return stored.lastModified == nil || stored.lastModified == lastModified
    }
}

/// What RFC 9111 lets a shared cache do, with the route's bounds. Pure; all times in seconds.
struct CacheRules: Sendable, Equatable {
    /// Longest time for which an answer is fresh, whatever it says.
    var maximumAge: Int64 = 3600
    /// How long an answer is fresh that says nothing about it.
    var defaultAge: Int64 = 0
    /// How much longer an answer may be given when the upstream fails, where the answer itself does not say.
    var staleIfError: Int64 = 0

    /// Those whose content does not depend on what is not in the request (RFC 9110 §15.1 calls them heuristically
    /// cacheable), as far as they have content that is worth keeping.
    static let statuses: Set<Int> = [200, 203, 300, 301, 308, 404, 410]

    /// Whether an answer may be kept.
    /// - Parameters:
    ///   - request: what the request says.
    ///   - isIdentified: whether the request, or the route, says who asks. Only an answer that is said to be for all is
    ///     kept then (RFC 9111 §3.5 would also take `must-revalidate`, which says nothing about who may see it).
    func mayStore(_ answer: CacheFields, request: CacheControl, isIdentified: Bool) -> Bool {
        guard Self.statuses.contains(answer.status), !request.noStore, !answer.control.noStore,
            !answer.control.isPrivate, !answer.setsCookie, !answer.isPart, !answer.variesByEverything,
            // It was asked for without a coding, and not everybody can read what came all the same.
            !answer.isEncoded
        else { return false }
        if isIdentified, !isForAll(answer) { return false }
        return lifetime(of: answer) > 0 || answer.hasValidator
    }

    /// Whether the answer says that who asks does not matter.
    func isForAll(_ answer: CacheFields) -> Bool { answer.control.isPublic || answer.control.sharedMaxAge != nil }

    /// How long an answer is fresh (RFC 9111 §4.2.1).
    func lifetime(of answer: CacheFields) -> Int64 {
        if answer.control.noCache { return 0 }
        let said =
            answer.control.sharedMaxAge ?? answer.control.maxAge
            ?? answer.expires.map { expires in max(0, expires - (answer.date ?? expires)) }
        return min(said ?? defaultAge, maximumAge)
    }

    /// RFC 9111 §4.2.3.
    /// - Parameters:
    ///   - asked: when the request was sent.
    ///   - received: when the answer came.
    static func initialAge(of answer: CacheFields, asked: Int64, received: Int64) -> Int64 {
        let apparent = max(0, received - (answer.date ?? received))
        return max(apparent, answer.age + max(0, received - asked))
    }

    /// What may be done with an answer that is kept.
    enum Reuse: Equatable {
        case fresh
        /// It must be validated first.
        /// - whileValidating: it may be given to others while somebody validates it.
        /// - onError: it may be given when that fails.
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

/// The `Cache-Control` directives of a request or response that a shared cache uses (RFC 9111 §5.2, RFC 5861).
struct CacheControl: Sendable, Equatable {
    private(set) var noStore = false
    /// Field names are ignored: `no-cache="x"` counts as `no-cache`.
    private(set) var noCache = false
    private(set) var isPrivate = false
    private(set) var isPublic = false
    /// `must-revalidate`, or the equivalent `proxy-revalidate` of shared caches.
    private(set) var mustRevalidate = false
    private(set) var onlyIfCached = false
    // All in seconds.
    private(set) var maxAge: Int64?
    private(set) var sharedMaxAge: Int64?
    private(set) var staleWhileRevalidate: Int64?
    private(set) var staleIfError: Int64?
    private(set) var minFresh: Int64?
    private(set) var maxStale: Int64?

    init() {}

    /// - Parameter headers: validated field lines.
    init(_ bytes: UnsafeRawBufferPointer, headers: ByteRange) {
        var isNamed = false
        var pragma = false
        var control = CacheControl()
        Nomination.forEachLine(in: bytes, headers: headers) { name, value, _ in
            if name.equalsIgnoringCase("cache-control") {
                isNamed = true
                control.read(value)
            } else if name.equalsIgnoringCase("pragma") {
                ListElements.forEach(in: value) { if $0.equalsIgnoringCase("no-cache") { pragma = true } }
            }
        }
        // RFC 9111 §5.4: the equivalent of HTTP/1.0.
        if pragma, !isNamed { control.noCache = true }
        self = control
    }

    /// Parses one field value. Anything that is not a directive is ignored.
    mutating func read(_ value: UnsafeRawBufferPointer) {
        var index = 0
        while index < value.count {
            let start = index
            while index < value.count, ASCIISet.token.contains(value[index]) { index += 1 }
            let name = UnsafeRawBufferPointer(rebasing: value[start..<index])
            var argument: UnsafeRawBufferPointer?
            if index < value.count, value[index] == 0x3D {
                let first = index + 1
                index = Self.endOfArgument(value, first)
                argument = UnsafeRawBufferPointer(rebasing: value[first..<index])
            }
            apply(name, argument)
            // To the next directive; a comma within quotes has been passed already.
            while index < value.count, value[index] != ASCII.comma { index += 1 }
            while index < value.count, !ASCIISet.token.contains(value[index]) { index += 1 }
        }
    }

    private static func endOfArgument(_ value: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var index = start
        guard index < value.count, value[index] == ASCII.quote else {
            while index < value.count, value[index] != ASCII.comma { index += 1 }
            return index
        }
        index += 1
        while index < value.count, value[index] != ASCII.quote { index += value[index] == 0x5C ? 2 : 1 }
        return min(index + 1, value.count)
    }

    private mutating func apply(_ name: UnsafeRawBufferPointer, _ argument: UnsafeRawBufferPointer?) {
        switch name.count {
        case 6 where name.equalsIgnoringCase("public"): isPublic = true
        case 7 where name.equalsIgnoringCase("private"): isPrivate = true
        case 7 where name.equalsIgnoringCase("max-age"): Self.shorten(&maxAge, argument)
        case 8 where name.equalsIgnoringCase("s-maxage"): Self.shorten(&sharedMaxAge, argument)
        case 8 where name.equalsIgnoringCase("no-store"): noStore = true
        case 8 where name.equalsIgnoringCase("no-cache"): noCache = true
        case 9 where name.equalsIgnoringCase("min-fresh"): Self.shorten(&minFresh, argument)
        // Without a limit, any staleness is acceptable.
        case 9 where name.equalsIgnoringCase("max-stale"): maxStale = argument.map(Self.seconds) ?? Self.longest
        case 14 where name.equalsIgnoringCase("stale-if-error"): Self.shorten(&staleIfError, argument)
        case 14 where name.equalsIgnoringCase("only-if-cached"): onlyIfCached = true
        case 15 where name.equalsIgnoringCase("must-revalidate"): mustRevalidate = true
        case 16 where name.equalsIgnoringCase("proxy-revalidate"): mustRevalidate = true
        case 22 where name.equalsIgnoringCase("stale-while-revalidate"):
            Self.shorten(&staleWhileRevalidate, argument)
        default: break
        }
    }

    /// The shortest of several values (RFC 9111 §4.2.1 permits the first, or treating the response as stale).
    private static func shorten(_ value: inout Int64?, _ argument: UnsafeRawBufferPointer?) {
        let seconds = argument.map(Self.seconds) ?? 0
        value = min(value ?? longest, seconds)
    }

    /// The cap for larger values (RFC 9111 §1.2.2).
    private static let longest: Int64 = 1 << 31

    /// An invalid number counts as 0.
    private static func seconds(_ argument: UnsafeRawBufferPointer) -> Int64 {
        var digits = argument[...]
        if digits.count >= 2, digits.first == ASCII.quote, digits.last == ASCII.quote {
            digits = digits.dropFirst().dropLast()
        }
        while digits.last == ASCII.space || digits.last == ASCII.tab { digits = digits.dropLast() }
        return deltaSeconds(digits) ?? 0
    }

    /// Parses a delta-seconds (RFC 9111 §1.2.2), which is digits only.
    /// - Returns: at most 2³¹, so that sums do not overflow; nil for an invalid number.
    static func deltaSeconds(_ digits: some Collection<UInt8>) -> Int64? {
        guard !digits.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard (ASCII.zero...ASCII.nine).contains(byte) else { return nil }
            value = min(value * 10 + Int64(byte - ASCII.zero), longest)
        }
        return value
    }
}

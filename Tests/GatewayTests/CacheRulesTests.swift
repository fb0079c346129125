import MartletCore
import MartletTesting
import NIOCore
import Synchronization
import Testing

@testable import Gateway

/// The rules of RFC 9111, without sockets and with a fixed clock.
@Suite struct CacheRulesTests {
    private func control(_ lines: String...) -> CacheControl {
        let text = lines.map { "\($0)\r\n" }.joined()
        return Array(text.utf8).withUnsafeBytes { CacheControl($0, headers: ByteRange(0, $0.count)) }
    }

    private func fields(_ lines: String..., status: Int = 200) -> CacheFields {
        let text = lines.map { "\($0)\r\n" }.joined()
        return Array(text.utf8).withUnsafeBytes {
            CacheFields($0, headers: ByteRange(0, $0.count), status: status)
        }
    }

    @Test func readsDirectives() {
        let all = control(
            "Cache-Control: Public, max-age=60 , s-maxage=\"90\", must-revalidate", "cache-control: no-store")
        #expect(all.isPublic && all.mustRevalidate && all.noStore && !all.noCache)
        #expect(all.maxAge == 60)
        #expect(all.sharedMaxAge == 90)
        #expect(control("Cache-Control: no-cache=\"a, no-store\", private=\"b\"").noStore == false)
        #expect(control("Cache-Control: no-cache=\"a, no-store\"").noCache)
        #expect(control("Cache-Control: private=\"b\", public").isPrivate)
        #expect(control("Cache-Control: max-age=60, max-age=5").maxAge == 5)
        #expect(control("Cache-Control: max-age=99999999999999999999").maxAge == 1 << 31)
        for invalid in ["max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=\"", "max-age=1.5"] {
            #expect(control("Cache-Control: \(invalid)").maxAge == 0, "\(invalid)")
        }
        #expect(control("Cache-Control: x=\"\\\"\", no-store").noStore)
        #expect(control("Cache-Control: x=\"never closed, no-store").noStore == false)
        #expect(control("Cache-Control: ,,; =, no-cache").noCache)
        #expect(control("Pragma: no-cache").noCache)
        #expect(!control("Pragma: no-cache", "Cache-Control: max-age=1").noCache)
        #expect(control("Cache-Control: max-stale").maxStale == 1 << 31)
    }

    @Test(arguments: [
        ("Cache-Control: max-age=1", true), ("Cache-Control: s-maxage=1", true), ("ETag: \"x\"", true),
        ("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", true), ("X: y", false), ("Cache-Control: max-age=0", false),
        ("Cache-Control: max-age=1, no-store", false), ("Cache-Control: max-age=1, private", false),
        ("Cache-Control: max-age=1\r\nSet-Cookie: a=b", false), ("Cache-Control: max-age=1\r\nVary: a, *", false),
        ("Cache-Control: max-age=1\r\nVary: a", true), ("Cache-Control: public, max-age=1\r\nVary: X-User-Id", false),
        ("Cache-Control: max-age=1\r\nVary: X-Forwarded-For", false), ("Cache-Control: max-age=1\r\nVary: Host", true),
        ("Cache-Control: max-age=1\r\nContent-Encoding: gzip", false),
        ("Cache-Control: max-age=1\r\nContent-Encoding: identity", true),
        ("Cache-Control: max-age=1\r\nContent-Range: bytes 0-1/2", false),
        ("Cache-Control: no-cache", false), ("Cache-Control: no-cache\r\nETag: \"x\"", true),
        ("Expires: 0", false), ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nExpires: Sun, 06 Nov 1994 08:49:38 GMT", true),
    ])
    func decidesWhatCanBeStored(_ lines: String, _ expected: Bool) {
        #expect(CacheRules().mayStore(fields(lines), request: CacheControl(), isIdentified: false) == expected)
    }

    @Test(arguments: [206, 204, 302, 304, 307, 400, 401, 403, 429, 500, 503])
    func keepsNoAnswersOfOtherStatuses(_ status: Int) {
        let answer = fields("Cache-Control: public, max-age=60", status: status)
        #expect(!CacheRules().mayStore(answer, request: CacheControl(), isIdentified: false))
    }

    @Test func storesOnlyPublicResponsesForAuthorizedRequests() {
        func mayStore(_ line: String) -> Bool {
            CacheRules().mayStore(fields(line), request: CacheControl(), isIdentified: true)
        }
        #expect(!mayStore("Cache-Control: max-age=60"))
        #expect(!mayStore("Cache-Control: max-age=60, must-revalidate"))
        #expect(mayStore("Cache-Control: max-age=60, public"))
        #expect(mayStore("Cache-Control: s-maxage=60"))
        #expect(!mayStore("Cache-Control: s-maxage=60, private"))
    }

    @Test func obeysARequestThatForbidsIt() {
        let answer = fields("Cache-Control: max-age=60")
        #expect(!CacheRules().mayStore(answer, request: control("Cache-Control: no-store"), isIdentified: false))
    }

    @Test func findsOutHowLongAnAnswerIsFresh() {
        let rules = CacheRules(maximumAge: 100, defaultAge: 7)
        #expect(rules.lifetime(of: fields("Cache-Control: max-age=60, s-maxage=5")) == 5)
        #expect(rules.lifetime(of: fields("Cache-Control: max-age=60", "Expires: 0")) == 60)
        #expect(rules.lifetime(of: fields("Cache-Control: max-age=999")) == 100)
        #expect(rules.lifetime(of: fields("Cache-Control: no-cache, max-age=60")) == 0)
        #expect(rules.lifetime(of: fields("X: y")) == 7)
        #expect(rules.lifetime(of: fields("Expires: never")) == 0)
        let dated = fields("Date: Sun, 06 Nov 1994 08:49:37 GMT", "Expires: Sun, 06 Nov 1994 08:50:07 GMT")
        #expect(rules.lifetime(of: dated) == 30)
    }

    @Test func findsOutHowOldAnAnswerIs() {
        #expect(CacheRules.initialAge(of: fields("Age: 5"), asked: 100, received: 103) == 8)
        #expect(CacheRules.initialAge(of: fields("X: y"), asked: 100, received: 100) == 0)
        let old = fields("Date: Sun, 06 Nov 1994 08:49:37 GMT", "Age: 5")
        #expect(CacheRules.initialAge(of: old, asked: 784_111_777, received: 784_111_877) == 105)
        #expect(CacheRules.initialAge(of: old, asked: 784_111_870, received: 784_111_877) == 100)
        // The origin's clock is ahead.
        #expect(CacheRules.initialAge(of: old, asked: 784_111_000, received: 784_111_000) == 5)
        #expect(CacheRules.initialAge(of: fields("Age: -5"), asked: 0, received: 0) == 0)
        #expect(CacheRules.initialAge(of: fields("Age: x"), asked: 0, received: 0) == 0)
        #expect(CacheRules.initialAge(of: fields("Age: +5"), asked: 0, received: 0) == 0)
        #expect(CacheRules.initialAge(of: fields("Age: 9223372036854775807"), asked: 0, received: 1) == 1 << 31 + 1)
    }

    private static let extremes = [
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "2147483648",
        "0", "-1", "+1", "1.5", "1e9", "", "5, 6", "Fri, 31 Dec 9999 23:59:60 GMT", "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sunday, 06-Nov-70 08:49:37 GMT", "Sun Nov 31 23:59:59 9999",
    ]

    /// Whatever numbers and dates a head contains, the result is within bounds.
    @Test(arguments: extremes)
    func survivesAnyNumber(_ value: String) {
        let rules = CacheRules(maximumAge: 3600, staleIfError: 60)
        // Including clocks at either end of their range.
        let clocks: [Int64] = [
            Timestamp(microseconds: .min), Timestamp(microseconds: 0), Timestamp(microseconds: .max),
        ]
        .map(\.secondsSince1970)
        for other in Self.extremes {
            let answers = [
                fields("Age: \(value)", "Date: \(other)", "Expires: \(value)", "Last-Modified: \(other)"),
                fields("Age: \(value)", "Cache-Control: max-age=\(other), stale-if-error=\(value)"),
                fields("Date: \(value)", "Expires: \(other)", "Cache-Control: stale-while-revalidate=\(other)"),
                fields("Age: \(value)", "Age: \(other)", "Cache-Control: s-maxage=\(value)"),
            ]
            let request = control("Cache-Control: max-age=\(value), max-stale=\(other), min-fresh=\(other)")
            for answer in answers {
                #expect((0...1 << 31).contains(answer.age))
                #expect((0...3600).contains(rules.lifetime(of: answer)))
                _ = rules.mayStore(answer, request: request, isIdentified: false)
                for asked in clocks {
                    for received in clocks {
                        let age = CacheRules.initialAge(of: answer, asked: asked, received: received)
                        #expect(age >= answer.age)
                        _ = rules.reuse(answer, age: age, request: request)
                    }
                }
            }
        }
    }

    @Test func decidesWhatMayBeGivenAgain() {
        let rules = CacheRules()
        func reuse(_ line: String, age: Int64, _ request: String = "X: y", _ rules: CacheRules = rules)
            -> CacheRules.Reuse
        {
            rules.reuse(fields(line), age: age, request: control(request))
        }
        let stale = CacheRules.Reuse.stale(whileValidating: false, onError: false)
        #expect(reuse("Cache-Control: max-age=10", age: 9) == .fresh)
        #expect(reuse("Cache-Control: max-age=10", age: 10) == stale)
        #expect(reuse("Cache-Control: max-age=10", age: 1, "Cache-Control: no-cache") == stale)
        #expect(reuse("Cache-Control: max-age=10", age: 1, "Pragma: no-cache") == stale)
        #expect(reuse("Cache-Control: max-age=10", age: 5, "Cache-Control: max-age=4") == stale)
        #expect(reuse("Cache-Control: max-age=10", age: 5, "Cache-Control: max-age=5") == .fresh)
        #expect(reuse("Cache-Control: max-age=10", age: 5, "Cache-Control: min-fresh=6") == stale)
        #expect(reuse("Cache-Control: max-age=10", age: 5, "Cache-Control: min-fresh=5") == .fresh)
        #expect(reuse("Cache-Control: max-age=10", age: 15, "Cache-Control: max-stale=5") == .fresh)
        #expect(reuse("Cache-Control: max-age=10", age: 16, "Cache-Control: max-stale=5") == stale)
        #expect(reuse("Cache-Control: max-age=10, must-revalidate", age: 15, "Cache-Control: max-stale") == stale)
        #expect(reuse("Cache-Control: s-maxage=10", age: 15, "Cache-Control: max-stale") == stale)
        let lenient = "Cache-Control: max-age=10, stale-while-revalidate=5, stale-if-error=20"
        #expect(reuse(lenient, age: 15) == .stale(whileValidating: true, onError: true))
        #expect(reuse(lenient, age: 16) == .stale(whileValidating: false, onError: true))
        #expect(reuse(lenient, age: 31) == stale)
        #expect(reuse(lenient + ", must-revalidate", age: 11) == stale)
        #expect(reuse(lenient, age: 1, "Cache-Control: no-cache") == .stale(whileValidating: false, onError: true))
        let routes = CacheRules(staleIfError: 60)
        #expect(
            reuse("Cache-Control: max-age=10", age: 70, "X: y", routes) == .stale(whileValidating: false, onError: true)
        )
        #expect(reuse("Cache-Control: max-age=10, stale-if-error=0", age: 11, "X: y", routes) == stale)
    }
}

@Suite struct RecencyListTests {
    @Test(.seeded) func tracksTheOldestUnderRandomOperations() {
        var list = RecencyList<Int>()
        var model: [(place: Int, element: Int)] = []
        var random = SeededRandom()
        for step in 0..<5000 {
            let drawn = model.isEmpty ? 0 : Int(random.next() % UInt64(model.count))
            switch random.next() % 4 {
            case 0, 1:
                model.append((list.insert(step), step))
            case 2 where !model.isEmpty:
                list.touch(model[drawn].place)
                model.append(model.remove(at: drawn))
            default:
                guard !model.isEmpty else { continue }
                let removed = list.remove(model[drawn].place)
                #expect(removed == model.remove(at: drawn).element)
            }
            #expect(list[list.oldest] == model.first?.element)
        }
    }
}

@Suite struct ResponseCacheTests {
    private final class Clock: Sendable {
        private let seconds = Mutex<Int64>(1_000_000)
        var wall: WallClock { WallClock { Timestamp(microseconds: self.seconds.withLock { $0 } * 1_000_000) } }
        func advance(_ amount: Int64) { seconds.withLock { $0 += amount } }
    }

    private let clock = Clock()
    private let rules = CacheRules()

    private func request(_ key: String = "http a /x", scope: String = "r", headers: String = "") -> CacheRequest {
        CacheRequest(key: Array(key.utf8), scope: Array(scope.utf8), headers: Array(headers.utf8))
    }

    private func answer(
        _ body: String = "body", headers: String = "Cache-Control: max-age=10\r\n", status: String = "200 OK",
        to request: CacheRequest, _ cache: ResponseCache
    ) throws -> CachedResponse {
        let head = ByteBuffer(string: "HTTP/1.1 \(status)\r\n\(headers)\r\n")
        var parser = ResponseHeadParser()
        let made = try head.withUnsafeReadableBytes { bytes in
            _ = try parser.parse(bytes)
            return CachedResponse(
                bytes, parser.head, body: ByteBuffer(string: body), request: request, asked: cache.now,
                received: cache.now, date: Array("Date: x\r\n".utf8))
        }
        return try #require(made)
    }

    private func look(
        _ cache: ResponseCache, _ request: CacheRequest, isIdentified: Bool = false,
        waiter: ResponseCache.Waiter? = nil
    ) -> ResponseCache.Lookup {
        cache.lookup(request, rules, control: CacheControl(), isIdentified: isIdentified, waiter: waiter)
    }

    private func hit(_ lookup: ResponseCache.Lookup) -> String? {
        guard case .hit(let answer, _, _) = lookup else { return nil }
        return String(buffer: answer.body)
    }

    private func fill(_ lookup: ResponseCache.Lookup) throws -> CacheFill {
        switch lookup {
        case .miss(let fill), .stale(_, _, let fill): return fill
        case .hit, .wait: throw TestConnection.Failure(description: "nothing to fill")
        }
    }

    @Test func givesWhatItKeepsUntilItIsStale() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let request = request()
        try fill(look(cache, request)).end(answer(to: request, cache))
        clock.advance(9)
        guard case .hit(let found, let age, false) = look(cache, request) else {
            Issue.record("not found")
            return
        }
        #expect(age == 9)
        #expect(
            String(buffer: found.head)
                == "HTTP/1.1 200 OK\r\nCache-Control: max-age=10\r\nDate: x\r\nContent-Length: 4\r\n\r\n")
        clock.advance(1)
        guard case .stale = look(cache, request) else {
            Issue.record("not stale")
            return
        }
        #expect(hit(look(cache, self.request("http a /y"))) == nil)
        #expect(hit(look(cache, self.request(scope: "other"))) == nil)
    }

    @Test func distinguishesVariants() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let german = request(headers: "Accept-Language: de\r\nAccept-Encoding: br\r\n")
        let english = request(headers: "accept-language: en\r\n")
        let headers = "Cache-Control: max-age=10\r\nVary: Accept-Language, Accept-Encoding\r\n"
        try fill(look(cache, german)).end(answer("de", headers: headers, to: german, cache))
        try fill(look(cache, english)).end(answer("en", headers: headers, to: english, cache))
        #expect(hit(look(cache, german)) == "de")
        #expect(hit(look(cache, english)) == "en")
        #expect(hit(look(cache, request(headers: "Accept-Language: de\r\nAccept-Language: en\r\n"))) == nil)
        #expect(hit(look(cache, request())) == nil)
    }

    @Test func keepsWithinItsBoundsWhatWasUsedLast() throws {
        let cache = ResponseCache(limit: 8 * 20_000, clock: clock.wall)
        let body = String(repeating: "x", count: 4000)
        for index in 0..<200 {
            let request = request("http a /\(index)")
            try fill(look(cache, request)).end(answer(body, to: request, cache))
            // The first entry is used continuously.
            #expect(hit(look(cache, self.request("http a /0"))) == body)
            #expect(cache.size <= 8 * 20_000)
        }
        #expect(cache.size > 8 * 10_000)
        let large = request("http a /large")
        try fill(look(cache, large)).end(answer(String(repeating: "x", count: 30_000), to: large, cache))
        #expect(hit(look(cache, large)) == nil)
        cache.setLimit(0)
        #expect(cache.size == 0)
    }

    @Test func countsWhatTheClientHasSent() throws {
        func size(_ request: CacheRequest) throws -> Int {
            let cache = ResponseCache(limit: 1 << 24, clock: clock.wall)
            let headers = "Cache-Control: max-age=10\r\nVary: User-Agent\r\n"
            try fill(look(cache, request)).end(answer(headers: headers, to: request, cache))
            return cache.size
        }
        let small = try size(request())
        let long = String(repeating: "x", count: 30_000)
        #expect(try size(request(headers: "User-Agent: \(long)\r\n")) == small + 30_000)
        #expect(try size(request(scope: long)) == small + 29_999)
        #expect(try size(request("http a /x\(long)")) == small + 30_000)
    }

    @Test func variantsOfOneAddressDoNotPileUp() throws {
        let cache = ResponseCache(limit: 1 << 24, clock: clock.wall)
        var sizes: Set<Int> = []
        for index in 0..<100 {
            let request = request(headers: "X: \(index % 90 + 10)\r\n")
            try fill(look(cache, request)).end(
                answer(headers: "Cache-Control: max-age=9\r\nVary: X\r\n", to: request, cache))
            sizes.insert(cache.size)
        }
        #expect(sizes.count <= 16)
    }

    @Test func forgetsWhatWasChanged() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let request = request()
        try fill(look(cache, request)).end(answer(to: request, cache))
        cache.invalidate(request.key)
        #expect(hit(look(cache, request)) == nil)
        // A response requested before the change is not stored after it.
        let early = try fill(look(cache, request))
        cache.invalidate(request.key)
        let late = try fill(look(cache, request))
        try early.end(answer("old", to: request, cache))
        #expect(hit(look(cache, request)) == nil)
        try late.end(answer("new", to: request, cache))
        #expect(hit(look(cache, request)) == "new")
    }

    @Test func onlyOneFetchesAndTheOthersWait() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let request = request()
        let ends = Mutex<[ResponseCache.End]>([])
        let waiter: ResponseCache.Waiter = { end in ends.withLock { $0.append(end) } }
        let first = try fill(look(cache, request, waiter: waiter))
        for _ in 0..<3 {
            guard case .wait = look(cache, request, waiter: waiter) else {
                Issue.record("does not wait")
                return
            }
        }
        // An authenticated request does not wait for another's response.
        let named = try fill(look(cache, request, isIdentified: true, waiter: waiter))
        named.end(nil)
        #expect(ends.withLock { $0.isEmpty })
        try first.end(answer(to: request, cache))
        #expect(ends.withLock { $0 } == [.asked, .asked, .asked])
        #expect(hit(look(cache, request, waiter: waiter)) == "body")
    }

    @Test func abandonedFetchReleasesItsWaiters() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let request = request()
        let ends = Mutex<[ResponseCache.End]>([])
        let waiter: ResponseCache.Waiter = { end in ends.withLock { $0.append(end) } }
        var first: CacheFill? = try fill(look(cache, request, waiter: waiter))
        _ = look(cache, request, waiter: waiter)
        withExtendedLifetime(first) {}
        first = nil
        #expect(ends.withLock { $0 } == [.asked])
        let second = try fill(look(cache, request, waiter: waiter))
        _ = look(cache, request, waiter: waiter)
        second.end(nil, .notShared)
        #expect(ends.withLock { $0 } == [.asked, .notShared])
    }

    @Test func authorizedRequestsGetOnlyPublicResponses() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let request = request()
        try fill(look(cache, request)).end(answer("anonymous", to: request, cache))
        #expect(hit(look(cache, request, isIdentified: true)) == nil)
        #expect(hit(look(cache, request)) == "anonymous")
        let headers = "Cache-Control: max-age=10, public\r\n"
        try fill(look(cache, request, isIdentified: true)).end(answer("all", headers: headers, to: request, cache))
        #expect(hit(look(cache, request, isIdentified: true)) == "all")
    }

    @Test func revalidationReplacesFieldsAndKeepsContent() throws {
        let cache = ResponseCache(limit: 1 << 20, clock: clock.wall)
        let request = request()
        let old = try answer(
            headers: "Cache-Control: max-age=1\r\nETag: \"1\"\r\nX-Old: 1\r\nX-Both: 1\r\nContent-Type: text/plain\r\n",
            to: request, cache)
        clock.advance(5)
        let head = ByteBuffer(
            string:
                "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=50\r\nx-both: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
                + "Content-Type: text/html\r\nSet-Cookie: a=b\r\nAge: 3\r\nContent-Length: 99\r\n\r\n")
        var parser = ResponseHeadParser()
        let made = try head.withUnsafeReadableBytes { bytes in
            _ = try parser.parse(bytes)
            return CachedResponse(
                old, freshenedBy: bytes, parser.head, request: request, asked: cache.now, received: cache.now,
                date: Array("Date: y\r\n".utf8))
        }
        let fresh = try #require(made)
        #expect(
            String(buffer: fresh.head)
                == "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nX-Old: 1\r\nContent-Type: text/plain\r\nCache-Control: max-age=50\r\n"
                + "x-both: 2\r\nDate: y\r\nContent-Length: 4\r\n\r\n")
        #expect(String(buffer: fresh.body) == "body")
        #expect(fresh.age(at: cache.now) == 3)
        #expect(rules.lifetime(of: fresh.fields) == 50)
    }

    @Test func limitsResponsesBeingStored() {
        let cache = ResponseCache(limit: 1000, clock: clock.wall)
        #expect(cache.collect(600))
        #expect(!cache.collect(600))
        cache.release(600)
        #expect(cache.collect(1000))
    }
}

import Logging
import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Every limit has its own counts, which last as long as the limit.
@Suite struct RateLimitTablesTests {
    private let second: Int64 = 1_000_000_000

    @Test func limitsDoNotEvictEachOthersClients() {
        let tables = RateLimitTables()
        tables.keep(["a", "b"])
        var random = SeededRandom(seed: 3)
        for _ in 0..<150_000 {
            _ = tables.table("a").admit(random.next(), interval: 3600 * second, burst: 1, now: 0)
        }
        // The other limit still distinguishes new clients.
        let newcomers = (0..<100).map { _ in random.next() }
        for key in newcomers + newcomers.map({ $0 &+ 1 }) {
            #expect(tables.table("b").admit(key, interval: 3600 * second, burst: 1, now: 0).isAdmitted)
        }
        #expect(tables.clients <= 100_000 + 200)
    }

    @Test func removedLimitsAreForgottenAndOthersKeepTheirCounts() {
        let tables = RateLimitTables()
        _ = tables.table("a").admit(1, interval: second, burst: 1, now: 0)
        _ = tables.table("b").admit(1, interval: second, burst: 1, now: 0)
        tables.keep(["a"])
        #expect(tables.count == 1)
        #expect(!tables.table("a").admit(1, interval: second, burst: 1, now: 0).isAdmitted)
        #expect(tables.table("b").admit(1, interval: second, burst: 1, now: 0).isAdmitted)
    }

    @Test func changedLimitKeepsItsCounts() async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        let client = GatewayConfiguration.RateLimit(requests: 2, per: .hours(1))
        let route = GatewayConfiguration.RateLimit(by: .route, requests: 100, per: .hours(1))
        try await withGateway(endpoint: upstream.endpoint, configure: { $0.routes[0].policies.rateLimits = [client] }) {
            gateway in
            for expected in [200, 200, 429] {
                let status = try await gateway.get("/api/x").status
                #expect(status == expected)
            }
            var configuration = gateway.gateway.current.settings.configuration
            var stricter = client
            stricter.requests = 1
            stricter.period = .minutes(30)
            // Another limit in front of it does not change its counts.
            configuration.routes[0].policies.rateLimits = [route, stricter]
            try await gateway.gateway.reload(configuration)
            let after = try await gateway.get("/api/x").status
            #expect(after == 429)
            #expect(gateway.gateway.resources.rateLimits.count == 2)
            configuration.routes[0].policies.rateLimits = []
            try await gateway.gateway.reload(configuration)
            #expect(gateway.gateway.resources.rateLimits.count == 0)
        }
        await upstream.stop()
    }

    /// Entries are evicted at most ten times a second.
    @Test func evictionCostIsBounded() {
        let limiter = RateLimiter(capacity: 1600)
        var random = SeededRandom(seed: 5)
        for step in 0..<100_000 {
            _ = limiter.admit(random.next(), interval: 3600 * second, burst: 1, now: Int64(step) * 10_000)
        }
        // Ten rounds a second for each of sixteen parts, each with a hundred buckets.
        #expect(limiter.purged <= 11 * 16 * 100)
        #expect(limiter.count <= 1600)
    }

    @Test func addressLookupCostsOneProbePerPrefixLength() throws {
        let ranges = (0..<20_000).compactMap { AddressRange("10.\($0 / 250 % 250).\($0 % 250).0/\(24 + $0 % 2)") }
        let set = AddressSet(ranges + [AddressRange("2001:db8::/32")].compactMap { $0 })
        #expect(set.probes == 3)
        #expect(set.contains(try #require(IPAddress("10.0.1.7"))))
        #expect(set.contains(try #require(IPAddress("2001:db8::1"))))
        #expect(!set.contains(try #require(IPAddress("11.0.0.1"))))
    }
}

import NIOCore
import Testing

@testable import Gateway

@Suite struct BalancerTests {
    private func count(
        _ balance: GatewayConfiguration.Balance, weights: [Int], inFlight: [Int] = [0, 0, 0], rounds: Int = 6000,
        away: Int? = nil, prepare: (inout Balancer) -> Void = { _ in }
    ) -> [Int] {
        var balancer = Balancer(balance, endpoints: weights.enumerated().map { ("e\($0)", $1) })
        var random = FastRandom(seed: 7)
        prepare(&balancer)
        var counts = Array(repeating: 0, count: weights.count)
        for round in 0..<rounds {
            let choice = balancer.choose(
                key: HashRing.hash("key \(round)".utf8), now: .uptimeNanoseconds(0), random: &random,
                inFlight: { inFlight[$0] }, isAvailable: { $0 != away })
            if let choice { counts[choice] += 1 }
        }
        return counts
    }

    @Test func distributesByWeight() {
        #expect(count(.roundRobin, weights: [1, 1, 1]) == [2000, 2000, 2000])
        #expect(count(.roundRobin, weights: [3, 2, 1]) == [3000, 2000, 1000])
        #expect(count(.roundRobin, weights: [1, 1, 1], away: 1) == [3000, 0, 3000])
    }

    @Test func prefersTheLessBusyOfTwo() {
        let counts = count(.leastConnections, weights: [1, 1, 1], inFlight: [0, 5, 10])
        // It is drawn in two of three pairs and always wins.
        #expect((3700...4300).contains(counts[0]) && counts[2] == 0)
        let weighted = count(.leastConnections, weights: [1, 4, 1], inFlight: [3, 3, 3])
        #expect(weighted[1] > weighted[0] && weighted[1] > weighted[2])
    }

    @Test func prefersTheFasterOfTwoAndForgetsPeaks() {
        let now = NIODeadline.uptimeNanoseconds(0)
        let counts = count(.peakEWMA, weights: [1, 1, 1]) { balancer in
            balancer.observe(0, latency: 1_000_000, now: now)
            balancer.observe(1, latency: 2_000_000, now: now)
            balancer.observe(2, latency: 90_000_000, now: now)
            // A better sample does not hide a peak immediately.
            balancer.observe(2, latency: 1, now: now)
        }
        #expect(counts[0] > counts[1] && counts[2] == 0)
    }

    @Test func keysKeepTheirEndpointWhenAnotherLeaves() {
        let ring = HashRing([("a", 1), ("b", 1), ("c", 1)])
        var counts = [0, 0, 0]
        for number in 0..<6000 {
            let key = HashRing.hash("user \(number)".utf8)
            let usual = ring.first(from: key) { _ in true }
            counts[usual ?? 0] += 1
            let without = ring.first(from: key) { $0 != 1 }
            #expect(usual == 1 ? without != 1 : without == usual)
        }
        #expect(counts.allSatisfy { (1200...2800).contains($0) }, "\(counts)")
        #expect(ring.first(from: 1) { _ in false } == nil)
    }
}

@Suite struct CircuitBreakerTests {
    private func breaker() -> CircuitBreaker {
        var configuration = GatewayConfiguration.Breaker()
        configuration.failures = 2
        configuration.openFor = .seconds(1)
        configuration.maximumOpenFor = .seconds(3)
        return CircuitBreaker(configuration)
    }

    private func at(_ seconds: Double) -> NIODeadline { .uptimeNanoseconds(UInt64(seconds * 1e9)) }

    @Test func opensAfterFailuresInARow() {
        var breaker = breaker()
        breaker.failed(at(0))
        breaker.succeeded()
        breaker.failed(at(0))
        #expect(breaker.canTry(at(0)))
        breaker.failed(at(0))
        #expect(!breaker.canTry(at(0.9)))
        #expect(breaker.canTry(at(1)))
    }

    @Test func letsOneThroughToSee() {
        var breaker = breaker()
        for _ in 0..<2 { breaker.failed(at(0)) }
        let first = breaker.begin(at(1))
        let second = breaker.begin(at(1))
        #expect(first && !second)
        // The client of the trial request left, so the next request is the trial.
        breaker.abandoned(at(1))
        let third = breaker.begin(at(1))
        #expect(third)
        breaker.failed(at(1))
        // The wait doubles, up to three seconds.
        let early = breaker.begin(at(2.9))
        let due = breaker.begin(at(3))
        #expect(!early && due)
        breaker.failed(at(3))
        let tooEarly = breaker.begin(at(5.9))
        let last = breaker.begin(at(6))
        #expect(!tooEarly && last)
        breaker.succeeded()
        #expect(breaker.isClosed)
    }
}

@Suite struct HealthRecordTests {
    @Test func changesItsMindAfterAStreak() {
        var check = GatewayConfiguration.HealthCheck(path: "/")
        check.unhealthyThreshold = 2
        check.healthyThreshold = 3
        var record = HealthChecker.Record()
        var changes: [Bool] = []
        for isGood in [false, true, false, false, true, true, false, true, true, true] {
            changes.append(record.observe(isGood, check))
        }
        #expect(changes == [false, false, false, true, false, false, false, false, false, true])
        #expect(record.isHealthy)
    }
}

@Suite struct RateLimiterTests {
    private let second: Int64 = 1_000_000_000

    @Test func admitsABurstAndThenTheRate() {
        let limiter = RateLimiter()
        func admit(_ key: UInt64, _ now: Int64) -> RateLimiter.Decision {
            limiter.admit(key, interval: second, burst: 3, now: now)
        }
        #expect((0..<4).map { _ in admit(1, 0).isAdmitted } == [true, true, true, false])
        #expect(admit(1, 0).wait == second)
        #expect(admit(2, 0).remaining == 2)
        #expect(admit(1, second).isAdmitted)
        #expect(!admit(1, second).isAdmitted)
        #expect((0..<4).map { _ in admit(1, 100 * second).isAdmitted } == [true, true, true, false])
    }

    @Test func memoryIsBoundedAndKnownClientsAreKept() {
        let limiter = RateLimiter(capacity: 160)
        var random = FastRandom(seed: 1)
        let known = random.next()
        func admit(_ key: UInt64, now: Int64 = 0) -> RateLimiter.Decision {
            limiter.admit(key, interval: second, burst: 3, now: now)
        }
        _ = (0..<3).map { _ in admit(known) }
        var admitted = 0
        for _ in 0..<100_000 where admit(random.next()).isAdmitted { admitted += 1 }
        #expect(limiter.count <= 160)
        // Those with their own buckets, and three for each shared bucket.
        #expect(admitted <= 160 + 16 * 64 * 3)
        #expect(!admit(known).isAdmitted)
        // Full buckets are evicted.
        #expect(admit(random.next(), now: 10 * second).remaining == 2)
        #expect(limiter.count < 160)
    }

    /// A client that has used up two requests an hour does not wait an hour when the limit becomes a hundred a second.
    @Test func debtIsBoundedByTheLimit() {
        let limiter = RateLimiter()
        for _ in 0..<3 { _ = limiter.admit(7, interval: 1800 * second, burst: 2, now: 0) }
        let decision = limiter.admit(7, interval: second / 100, burst: 100, now: 0)
        #expect(!decision.isAdmitted && decision.wait == second / 100)
        #expect(limiter.admit(7, interval: second / 100, burst: 100, now: second / 10).isAdmitted)
    }
}

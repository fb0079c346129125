import Logging
import MartletCore
import MartletRedis
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

/// Limits shared by several gateways, with a real Redis.
@Suite struct SharedRateLimitTests {
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// A prefix that no other test uses.
    private func ownPrefix() -> String { uniqueName("test:") + ":" }

    private func withLimits(
        _ url: String, prefix: String, logger: Logger? = nil, timeout: TimeAmount = .seconds(5),
        _ limits: [GatewayConfiguration.RateLimit], _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        var redis = GatewayConfiguration.Redis(try RedisLocation(url: url))
        redis.prefix = prefix
        redis.timeout = timeout
        try await withGateway(logger: logger) { configuration in
            configuration.redis = redis
            var route = GatewayConfiguration.RouteRule(.prefix("/p"), action: .respond(.init(body: "hello")))
            route.policies.rateLimits = limits
            configuration.routes = [route]
        } _: {
            try await body($0)
        }
    }

    private func shared(_ requests: Int, per period: TimeAmount, by key: GatewayConfiguration.RateLimit.Key)
        -> GatewayConfiguration.RateLimit
    {
        var limit = GatewayConfiguration.RateLimit(by: key, requests: requests, per: period)
        limit.isShared = true
        return limit
    }

    /// Runs the test's own commands.
    private func withRedis(_ url: String, _ body: (RedisClient) async throws -> Void) async throws {
        let client = RedisClient(
            RedisConfiguration(try RedisLocation(url: url)), eventLoop: Self.loops.next(),
            logger: Logger(label: "redis", factory: { _ in SwiftLogNoOpLogHandler() }))
        do {
            try await body(client)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    private func fallbacks(_ gateway: GatewayFixture) -> Int {
        let line = gateway.metric("gateway_rate_limit_fallbacks_total ")
        return line.flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
    }

    private func state(_ gateway: GatewayFixture) -> String {
        String(decoding: gateway.gateway.state.bytes, as: UTF8.self)
    }

    /// Sends requests until Redis is available again.
    private func waitUntilShared(_ gateway: GatewayFixture) async throws {
        try await eventually("a request that Redis counts") {
            let before = fallbacks(gateway)
            _ = try await gateway.get("/p", headers: "X-Key: waiting\r\n")
            return fallbacks(gateway) == before
        }
    }

    @Test func twoGatewaysShareOneCount() async throws {
        let (url, prefix) = (try RedisServer.sharedURL, ownPrefix())
        let limit = shared(4, per: .hours(1), by: .header("X-Key"))
        try await withLimits(url, prefix: prefix, [limit]) { first in
            try await withLimits(url, prefix: prefix, [limit]) { second in
                for remaining in [3, 2, 1, 0] {
                    let gateway = remaining % 2 == 0 ? first : second
                    let answer = try await gateway.get("/p", headers: "X-Key: a\r\n")
                    #expect(answer.status == 200)
                    #expect(answer["ratelimit"] == "\"header\";r=\(remaining);t=\(900 * (4 - remaining))")
                    #expect(answer["ratelimit-policy"] == "\"header\";q=4;w=3600")
                }
                for gateway in [first, second] {
                    let refused = try await gateway.get("/p", headers: "X-Key: a\r\n")
                    #expect(refused.status == 429)
                    #expect((880...900).contains(Int(refused["retry-after"] ?? "") ?? 0))
                    #expect(try await gateway.get("/p", headers: "X-Key: b\r\n").status == 200)
                }
                #expect(fallbacks(first) + fallbacks(second) == 0)
            }
        }
    }

    @Test func twoGatewaysUnderLoadAdmitTheLimitExactly() async throws {
        let (url, prefix) = (try RedisServer.sharedURL, ownPrefix())
        // The rate is so low that nothing is refilled during the test.
        let limit = shared(500, per: .hours(700), by: .route)
        try await withLimits(url, prefix: prefix, [limit]) { first in
            try await withLimits(url, prefix: prefix, [limit]) { second in
                let admitted = try await withThrowingTaskGroup(of: Int.self) { group in
                    for index in 0..<8 {
                        let gateway = index % 2 == 0 ? first : second
                        group.addTask {
                            let client = try await gateway.connect()
                            var admitted = 0
                            for _ in 0..<250 {
                                try await client.send("GET /p HTTP/1.1\r\nHost: x\r\n\r\n")
                                if try await client.response().status == 200 { admitted += 1 }
                            }
                            await client.close()
                            return admitted
                        }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(admitted == 500)
                #expect(fallbacks(first) + fallbacks(second) == 0)
            }
        }
    }

    /// Redis keeps the time: never more than the limit, and eventually as much as the limit.
    @Test func admitsAgainAsTimePasses() async throws {
        let limit = shared(1, per: .milliseconds(50), by: .route)
        let start = ContinuousClock.now
        try await withLimits(try RedisServer.sharedURL, prefix: ownPrefix(), [limit]) { gateway in
            for _ in 0..<10 {
                try await eventually("a request that is admitted") { try await gateway.get("/p").status == 200 }
            }
            #expect(ContinuousClock.now - start >= .milliseconds(9 * 50))
            #expect(fallbacks(gateway) == 0)
        }
    }

    @Test func redisStoresNoClientDataAndExpiresEverything() async throws {
        try await RedisServer.with { server in
            try await withLimits(server.url, prefix: "l:", [shared(5, per: .seconds(1), by: .header("X-Key"))]) {
                for key in ["alice", String(repeating: "long", count: 2000), "a:b*c", ""] {
                    _ = try await $0.get("/p", headers: "X-Key: \(key)\r\n")
                }
            }
            try await withRedis(server.url) { redis in
                let keys = try await redis.send(["KEYS", "*"]).array?.compactMap(\.text) ?? []
                #expect(keys.count == 4 && keys.allSatisfy { $0.hasPrefix("l:") && $0.count == 34 })
                for key in keys {
                    let rest = try await redis.send(["PTTL", .text(key)]).integer ?? 0
                    // -2: the key has already expired.
                    #expect(rest == -2 || (1...200).contains(rest))
                }
            }
        }
    }

    @Test func reloadsTheScriptWhenRedisHasLostIt() async throws {
        try await RedisServer.with { server in
            let limit = shared(3, per: .hours(1), by: .header("X-Key"))
            try await withLimits(server.url, prefix: "l:", [limit]) { gateway in
                var statuses: [Int] = []
                for _ in 0..<4 {
                    statuses.append(try await gateway.get("/p", headers: "X-Key: a\r\n").status)
                    try await withRedis(server.url) { try await $0.send(["SCRIPT", "FLUSH"]) }
                }
                #expect(statuses == [200, 200, 200, 429])
                #expect(fallbacks(gateway) == 0)
            }
        }
    }

    @Test func limitsAreCheckedInOrderAndOnce() async throws {
        let limits = [
            GatewayConfiguration.RateLimit(by: .header("X-Key"), requests: 2, per: .hours(1)),
            shared(3, per: .hours(1), by: .header("X-Other")),
        ]
        try await withLimits(try RedisServer.sharedURL, prefix: ownPrefix(), limits) { gateway in
            func ask(_ key: String, _ other: String) async throws -> TestMessage {
                try await gateway.get("/p", headers: "X-Key: \(key)\r\nX-Other: \(other)\r\n")
            }
            let first = try await ask("a", "o")
            #expect(first.all("ratelimit") == ["\"header\";r=1;t=1800", "\"header\";r=2;t=1200"])
            #expect(
                try await ask("a", "o").all("ratelimit").map { $0.prefix(12) } == ["\"header\";r=0", "\"header\";r=1"])
            // The first limit rejects, so the second does not count.
            #expect(try await ask("a", "o").status == 429)
            let last = try await ask("b", "o")
            #expect(last.status == 200 && last.all("ratelimit").last?.hasPrefix("\"header\";r=0") == true)
            #expect(try await ask("b", "o").status == 429)
        }
    }

    @Test func countsLocallyWhileRedisIsDown() async throws {
        let log = TestLog()
        try await RedisServer.with { server in
            let limit = shared(100_000, per: .hours(1), by: .route)
            let few = shared(3, per: .hours(1), by: .header("X-Few"))
            try await withLimits(
                server.url, prefix: "l:", logger: log.logger, timeout: .milliseconds(50), [limit, few]
            ) {
                gateway in
                try await waitUntilShared(gateway)
                log.clear()
                let (isOver, answered) = (Shared(false), Shared(0))
                let statuses = try await withThrowingTaskGroup(of: Set<Int>.self) { group in
                    for index in 0..<4 {
                        group.addTask {
                            let client = try await gateway.connect()
                            var statuses: Set<Int> = []
                            var number = 0
                            while !isOver.value {
                                number += 1
                                try await client.send(
                                    "GET /p HTTP/1.1\r\nHost: x\r\nX-Few: \(index)-\(number)\r\n\r\n")
                                statuses.insert(try await client.response().status)
                                answered.next()
                            }
                            await client.close()
                            return statuses
                        }
                    }
                    group.addTask {
                        try await eventually("requests that Redis counts") { answered.value > 50 }
                        server.kill()
                        try await eventually("the loss") { state(gateway).contains("\"is_available\":false") }
                        var alone: [Int] = []
                        for _ in 0..<4 {
                            alone.append(try await gateway.get("/p", headers: "X-Few: me\r\n").status)
                        }
                        #expect(alone == [200, 200, 200, 429])
                        try await server.start()
                        try await waitUntilShared(gateway)
                        isOver.set(true)
                        return []
                    }
                    return try await group.reduce(into: Set<Int>()) { $0.formUnion($1) }
                }
                #expect(statuses == [200])
                #expect(state(gateway).contains("\"is_available\":true"))
                #expect(fallbacks(gateway) > 0)
                #expect(log.messages.count { $0.hasPrefix("Redis is unavailable") } == 1, "\(log.messages)")
                #expect(log.messages.count { $0.hasPrefix("Redis is available again") } == 1, "\(log.messages)")
            }
        }
    }

    @Test func reportsWhyRedisIsUnavailable() async throws {
        let log = TestLog()
        try await RedisServer.with(["--requirepass", "hidden"]) { server in
            let limit = shared(9, per: .hours(1), by: .route)
            let url = "redis://:wrong@127.0.0.1:\(server.port)"
            try await withLimits(url, prefix: "l:", logger: log.logger, [limit]) { gateway in
                func redis() -> JSONValue? { gateway.gateway.state["redis"] }
                // Unknown until the first use.
                #expect(redis()?["is_available"] == .null && redis()?["error"] == .null)
                #expect(try await gateway.get("/p").status == 200)
                #expect(redis()?["is_available"] == false)
                #expect(redis()?["error"]?.stringValue?.contains("WRONGPASS") == true, "\(state(gateway))")
                let warnings = log.entries.filter { $0.message.hasPrefix("Redis is unavailable") }
                #expect(warnings.count == 1)
                #expect(warnings.first?.metadata["reason"]?.contains("WRONGPASS") == true, "\(warnings)")
                // Another reason changes the state but is not logged again.
                server.kill()
                try await eventually("another reason") {
                    _ = try await gateway.get("/p")
                    return redis()?["error"]?.stringValue?.contains("refused") == true
                }
                #expect(log.messages.count { $0.hasPrefix("Redis is unavailable") } == 1)
                // Switch to another Redis.
                var configuration = GatewayConfiguration(port: gateway.port)
                configuration.redis = .init(try RedisLocation(url: try RedisServer.sharedURL))
                configuration.redis?.timeout = .seconds(5)
                var route = GatewayConfiguration.RouteRule(.prefix("/p"), action: .respond(.init()))
                route.policies.rateLimits = [limit]
                configuration.routes = [route]
                try await gateway.gateway.reload(configuration)
                #expect(redis()?["is_available"] == .null && redis()?["error"] == .null)
                #expect(try await gateway.get("/p").status == 200)
                #expect(redis()?["is_available"] == true && redis()?["error"] == .null)
            }
        }
    }

    /// If each request waited for Redis, they would take a hundred seconds.
    @Test(.timeLimit(.minutes(1))) func frozenRedisDelaysOnlyTheFirstRequests() async throws {
        try await RedisServer.with { server in
            let limit = shared(100_000, per: .hours(1), by: .route)
            try await withLimits(server.url, prefix: "l:", timeout: .seconds(1), [limit]) { gateway in
                try await waitUntilShared(gateway)
                server.freeze()
                // This client leaves while its request is being counted.
                let leaving = try await gateway.connect()
                try await leaving.send("GET /p HTTP/1.1\r\nHost: x\r\n\r\n")
                await leaving.close()
                #expect(try await gateway.get("/p").status == 200)
                let client = try await gateway.connect()
                for _ in 0..<100 {
                    try await client.send("GET /p HTTP/1.1\r\nHost: x\r\n\r\n")
                    #expect(try await client.response().status == 200)
                }
                #expect(fallbacks(gateway) >= 101)
                server.thaw()
                try await waitUntilShared(gateway)
                await client.close()
            }
        }
    }

    @Test func reloadSwitchesToAnotherRedis() async throws {
        try await RedisServer.with { server in
            let limit = shared(2, per: .hours(1), by: .header("X-Key"))
            try await withLimits(try RedisServer.sharedURL, prefix: ownPrefix(), [limit]) { gateway in
                for expected in [200, 200, 429] {
                    #expect(try await gateway.get("/p", headers: "X-Key: a\r\n").status == expected)
                }
                var configuration = GatewayConfiguration(port: gateway.port)
                configuration.redis = .init(try RedisLocation(url: server.url))
                configuration.redis?.timeout = .seconds(5)
                var route = GatewayConfiguration.RouteRule(.prefix("/p"), action: .respond(.init()))
                route.policies.rateLimits = [limit]
                configuration.routes = [route]
                try await gateway.gateway.reload(configuration)
                #expect(try await gateway.get("/p", headers: "X-Key: a\r\n").status == 200)
                configuration.redis = nil
                await #expect(throws: GatewayError.self) { try await gateway.gateway.reload(configuration) }
            }
        }
    }

    @Test func memoryAndRedisAgree() async throws {
        try await withRedis(try RedisServer.sharedURL) { redis in
            let key = RedisArgument.text(ownPrefix())
            var full: Int64 = 0
            // The rate is so low that the time between two calls does not matter.
            let (interval, burst): (Int64, Int64) = (3_600_000_000_000, 5)
            for _ in 0..<8 {
                let reply = try await redis.send([
                    "EVAL", .text(RateLimitScript.text), "1", key, .integer(RateLimitScript.units(interval)),
                    .integer(burst),
                ])
                let shared = try #require(RateLimitScript.decision(reply))
                let (own, next) = RateLimiter.decide(full, interval, burst, 0)
                full = next
                #expect(shared.isAdmitted == own.isAdmitted && shared.remaining == own.remaining)
                #expect(abs(shared.wait - own.wait) < 60_000_000_000)
            }
        }
    }
}

import Logging
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import MartletRedis

/// The client with a real Redis.
@Suite struct RedisClientTests {
    private func withClient(
        _ url: String, _ configure: (inout RedisConfiguration) -> Void = { _ in },
        _ body: (RedisClient) async throws -> Void
    ) async throws {
        var configuration = RedisConfiguration(try RedisLocation(url: url))
        configuration.timeout = .seconds(5)
        configure(&configuration)
        let client = RedisClient(
            configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "redis", factory: { _ in SwiftLogNoOpLogHandler() }))
        do {
            try await body(client)
            await client.close()
        } catch {
            await client.close()
            throw error
        }
    }

    /// Waits until a blocking command has arrived.
    private func waitUntilBlocked(_ url: String) async throws {
        try await withClient(url) { other in
            try await eventually("a blocked client") {
                try await other.send(["CLIENT", "LIST"]).text?.contains("cmd=blpop") == true
            }
        }
    }

    /// Waits until Redis responds again. The client reconnects by itself.
    private func waitForAnswer(_ client: RedisClient) async throws {
        try await eventually("an answer of Redis") { try await client.send(["PING"]) == .status("PONG") }
    }

    @Test func storesAndReadsAnyBytes() async throws {
        try await withClient(try RedisServer.sharedURL) { (redis) async throws in
            let key = uniqueName("test:")
            let value = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try await redis.send(["SET", .text(key), .bytes(value), "PX", 60_000]) == .status("OK"))
            #expect(try await redis.send(["GET", .text(key)]) == .bytes(value))
            #expect(try await redis.send(["DEL", .text(key)]) == .integer(1))
            #expect(try await redis.send(["GET", .text(key)]) == .null)
        }
    }

    @Test func concurrentCommandsGetTheirOwnReplies() async throws {
        try await withClient(try RedisServer.sharedURL) { redis in
            let wrong = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<2000 {
                    group.addTask { (try? await redis.send(["ECHO", .integer(number)]).integer) != Int64(number) }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wrong == 0)
        }
    }

    @Test func errorAffectsOnlyItsCommand() async throws {
        try await withClient(try RedisServer.sharedURL) { (redis) async throws in
            let error = await #expect(throws: RedisError.self) { try await redis.send(["GET"]) }
            guard case .refused(let message) = error else {
                Issue.record("\(error as Any)")
                return
            }
            #expect(message.hasPrefix("ERR wrong number of arguments"))
            #expect(try await redis.send(["PING"]) == .status("PONG"))
        }
    }

    @Test func authenticatesAndSelectsTheDatabase() async throws {
        try await RedisServer.with(["--requirepass", "p@ss/1"]) { server in
            let address = "127.0.0.1:\(server.port)"
            try await withClient("redis://:p%40ss%2F1@\(address)/2") { redis in
                try await redis.send(["SET", "a", "1"])
                try await redis.send([
                    "ACL", "SETUSER", "ann", "on", ">secret", "~*", "+get", "+ping", "+select",
                ])
            }
            try await withClient("redis://ann:secret@\(address)/2") { (redis) async throws in
                #expect(try await redis.send(["GET", "a"]).integer == 1)
                await #expect(throws: RedisError.self) { try await redis.send(["DEL", "a"]) }
            }
            try await withClient("redis://:p%40ss%2F1@\(address)") { redis in
                let value = try await redis.send(["GET", "a"])
                #expect(value == .null)
            }
            for wrong in ["redis://\(address)", "redis://:other@\(address)"] {
                try await withClient(wrong) { redis in
                    let result = await Task { try await redis.send(["GET", "a"]) }.result
                    #expect(throws: RedisError.unavailable) { try result.get() }
                }
            }
        }
    }

    @Test func reportsWhyRedisIsDown() async throws {
        try await RedisServer.with(["--requirepass", "hidden", "--databases", "2"]) { server in
            let address = "127.0.0.1:\(server.port)"
            for (url, reason) in [
                ("redis://\(address)", "NOAUTH"), ("redis://:wrong@\(address)", "WRONGPASS"),
                ("redis://:hidden@\(address)/7", "DB index is out of range"), ("redis://127.0.0.1:1", "refused"),
            ] {
                try await withClient(url) { (redis) async throws in
                    func failure() async throws -> String? {
                        try await redis.eventLoop.submit { redis.failure }.get()
                    }
                    let before = try await failure()
                    #expect(before == nil)
                    await #expect(throws: RedisError.unavailable) { try await redis.send(["PING"]) }
                    let said = try await failure()
                    #expect(said?.contains(reason) == true, "\(said ?? "")")
                    #expect(said?.contains("wrong@") == false && said?.contains("hidden") == false)
                }
            }
            try await withClient("redis://:hidden@\(address)") { redis in
                try await redis.send(["PING"])
                server.kill()
                let lost = await Task { try await redis.send(["PING"]) }.result
                #expect(throws: RedisError.self) { try lost.get() }
                try await server.start()
                try await waitForAnswer(redis)
                let failure = try await redis.eventLoop.submit { redis.failure }.get()
                #expect(failure == nil)
            }
        }
    }

    @Test func rejectsOversizedCommandsAndReplies() async throws {
        try await withClient(try RedisServer.sharedURL) {
            $0.maximumReplyBytes = 1000
            $0.maximumCommandBytes = 4000
        } _: { redis in
            let key = RedisArgument.text(uniqueName("test:"))
            await #expect(throws: RedisError.overloaded) {
                try await redis.send(["SET", key, .bytes(Array(repeating: 0, count: 4000))])
            }
            try await redis.send(["SET", key, .bytes(Array(repeating: 0, count: 3000)), "PX", 60_000])
            await #expect(throws: RedisError.invalidReply("a reply is too long")) {
                try await redis.send(["GET", key])
            }
            // The connection was replaced.
            try await waitForAnswer(redis)
        }
    }

    @Test func commandTimesOutAndTheClientRecovers() async throws {
        try await withClient(try RedisServer.sharedURL) { redis in
            await #expect(throws: RedisError.timeout) {
                try await redis.send(["BLPOP", .text(uniqueName("test:")), 30], timeout: .milliseconds(50))
            }
            try await waitForAnswer(redis)
        }
    }

    @Test func recoversWhenRedisIsKilled() async throws {
        try await RedisServer.with { server in
            try await withClient(server.url) { redis in
                try await redis.send(["PING"])
                let waiting = redis.submit(["BLPOP", "nothing", 0])
                // The second reply would follow the first, so both are pending when Redis dies.
                let behind = redis.submit(["PING"])
                try await waitUntilBlocked(server.url)
                server.kill()
                await #expect(throws: RedisError.connectionLost) { try await waiting.get() }
                await #expect(throws: RedisError.connectionLost) { try await behind.get() }
                await #expect(throws: RedisError.unavailable) { try await redis.send(["PING"]) }
                try await server.start()
                try await waitForAnswer(redis)
            }
        }
    }

    @Test func waitsForAFrozenRedisOnce() async throws {
        try await RedisServer.with { server in
            try await withClient(server.url) {
                $0.timeout = .milliseconds(100)
                $0.connectTimeout = .milliseconds(200)
            } _: { redis in
                try await redis.send(["PING"], timeout: .seconds(5))
                server.freeze()
                await #expect(throws: RedisError.timeout) { try await redis.send(["PING"]) }
                for _ in 0..<100 {
                    await #expect(throws: RedisError.unavailable) { try await redis.send(["PING"]) }
                }
                server.thaw()
                try await waitForAnswer(redis)
            }
        }
    }

    @Test func recoversFromAClosedIdleConnection() async throws {
        try await RedisServer.with { server in
            try await withClient(server.url) { redis in
                let id = try await redis.send(["CLIENT", "ID"]).integer ?? 0
                try await withClient(server.url) { other in
                    let killed = try await other.send(["CLIENT", "KILL", "ID", .integer(id)])
                    #expect(killed == .integer(1))
                }
                // Either the client has reconnected, or it detects the loss now.
                let after = try? await redis.send(["CLIENT", "ID"]).integer
                if after == nil { try await waitForAnswer(redis) }
                #expect(after != id)
            }
        }
    }

    @Test func closedClientThrows() async throws {
        try await withClient(try RedisServer.sharedURL) { (redis) async throws in
            let waiting = redis.submit(["BLPOP", .text(uniqueName("test:")), 0])
            await redis.close()
            await #expect(throws: RedisError.closed) { try await waiting.get() }
            await #expect(throws: RedisError.closed) { try await redis.send(["PING"]) }
        }
    }
}

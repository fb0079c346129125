import NIOCore
import Testing

@testable import MartletRedis

/// The state of the client, without a socket.
@Suite struct RedisStateTests {
    @Test func readsLocations() throws {
        let plain = try RedisLocation(url: "redis://cache.internal")
        #expect(plain == RedisLocation(host: "cache.internal"))
        let full = try RedisLocation(url: "redis://ann:p%40ss%3A%2F@[::1]:7000/3")
        #expect(full == RedisLocation(host: "::1", port: 7000, user: "ann", password: "p@ss:/", database: 3))
        let secret = try RedisLocation(url: "redis://:secret@10.0.0.1/").password
        #expect(secret == "secret")
        #expect(full.description == "redis://[::1]:7000/3")
    }

    @Test(arguments: [
        "", "redis://", "http://x", "rediss://x", "redis://x:0", "redis://x:y", "redis://x/y", "redis://secret@x",
        "redis://:%zz@x", "redis://:%+1@x", "redis://x?y", "redis://x/-1", "redis://:%ff@x",
    ])
    func rejectsOtherLocationsWithoutEchoingThem(_ url: String) {
        let error = #expect(throws: RedisLocation.ParseError.self) { _ = try RedisLocation(url: url) }
        #expect(error?.description.contains("secret") == false)
    }

    @Test func escapesArguments() {
        var buffer = ByteBuffer()
        buffer.writeCommand(["SET", .text("k\r\n"), .bytes([0, 255]), 5])
        #expect(
            Array(buffer.readableBytesView)
                == Array("*4\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n".utf8) + [0, 255] + Array("\r\n$1\r\n5\r\n".utf8))
    }

    @Test func keepsOrderAndLimits() {
        var pipeline = RedisPipeline<Int>(maximumCommands: 3, maximumBytes: 10)
        func at(_ second: UInt64) -> NIODeadline { .uptimeNanoseconds(second) }
        var taken: [Bool] = []
        for (waiter, bytes) in [(1, 4), (2, 7), (3, 6), (4, 1)] {
            taken.append(pipeline.append(waiter, bytes: bytes, deadline: at(UInt64(10 - waiter))))
        }
        #expect(taken == [true, false, true, false])
        #expect(pipeline.nextDeadline == at(7))
        let first = pipeline.next()
        #expect(first == 1)
        let fits = pipeline.append(5, bytes: 4, deadline: at(1))
        #expect(fits && pipeline.count == 2)
        let rest = pipeline.removeAll().map(\.waiter)
        #expect(rest == [3, 5] && pipeline.isEmpty)
    }

    @Test func commandsWaitOnlyForTheFirstConnection() {
        var lifecycle = RedisLifecycle()
        func admit() -> RedisLifecycle.Admission { lifecycle.admit() }
        #expect(admit() == .connect)
        #expect(admit() == .hold)
        lifecycle.connected()
        #expect(admit() == .write)
        func fail() -> Int? { lifecycle.failed() }
        func rest() -> Bool { lifecycle.rested() }
        #expect(fail() == 1)
        #expect(admit() == .refuse(.unavailable))
        #expect(fail() == nil)
        #expect(rest())
        #expect(admit() == .refuse(.unavailable))
        #expect(fail() == 2)
        #expect(rest())
        lifecycle.connected()
        // It connects but does not respond, so the delays keep growing.
        #expect(fail() == 3)
        #expect(rest())
        lifecycle.connected()
        lifecycle.answered()
        #expect(fail() == 1)
        #expect(rest())
        lifecycle.connected()
        #expect(admit() == .write)
        lifecycle.endedUnused()
        #expect(admit() == .connect)
        lifecycle.close()
        #expect(admit() == .refuse(.closed))
        #expect(fail() == nil)
        #expect(!rest())
    }
}

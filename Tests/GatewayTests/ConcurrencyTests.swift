import MartletCore
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

@Suite struct ConcurrencyQueueTests {
    @Test func admitsUpToTheLimitAndQueuesInOrder() {
        var queue = ConcurrencyQueue<String>()
        func enter(_ name: String) -> ConcurrencyQueue<String>.Entry {
            queue.enter(orWait: name, limit: 2, maximumWaiting: 2)
        }
        func leave() -> String? { queue.leave().first }
        func cancel(_ number: UInt64) -> Bool { queue.cancel(number) }
        #expect(
            [enter("a"), enter("b"), enter("c"), enter("d"), enter("e")] == [
                .entered, .entered, .waiting(1), .waiting(2), .full,
            ])
        #expect(leave() == "c")
        #expect(queue.running == 2 && queue.waiting == 1)
        #expect(!cancel(1))
        #expect(cancel(2))
        #expect(enter("f") == .waiting(3))
        #expect([leave(), leave(), leave()] == ["f", nil, nil])
        #expect(queue.running == 0)
        #expect(enter("g") == .entered)
    }

    /// No waiter and no slot is lost under random operations.
    @Test(.seeded) func keepsLimitsUnderRandomOperations() {
        var random = SeededRandom()
        var queue = ConcurrencyQueue<Int>()
        var running: Set<Int> = []
        var waiting: [(number: UInt64, who: Int)] = []
        for who in 0..<20_000 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                switch queue.enter(orWait: who, limit: 3, maximumWaiting: 4) {
                case .entered: running.insert(who)
                case .waiting(let number): waiting.append((number, who))
                case .full: #expect(running.count == 3 && waiting.count == 4)
                }
            case 1:
                guard let one = running.sorted().randomElement(using: &random) else { continue }
                running.remove(one)
                let next = queue.leave()
                #expect(next == waiting.prefix(1).map(\.who))
                if let next = next.first {
                    waiting.removeFirst()
                    running.insert(next)
                }
            default:
                guard let index = waiting.indices.randomElement(using: &random) else { continue }
                let isOut = queue.cancel(waiting.remove(at: index).number)
                #expect(isOut)
            }
            #expect(queue.running == running.count && queue.waiting == waiting.count)
            #expect(waiting.isEmpty || running.count == 3)
        }
    }
}

/// Concurrency limits over real sockets.
@Suite struct ConcurrencyTests {
    private func limit(_ limit: Int, queue: Int = 0, wait: TimeAmount = .seconds(20))
        -> GatewayConfiguration.Concurrency
    {
        var concurrency = GatewayConfiguration.Concurrency(limit: limit)
        concurrency.queue = queue
        concurrency.wait = wait
        return concurrency
    }

    private func withRoute(
        _ endpoint: Endpoint, on group: (any EventLoopGroup)? = nil,
        _ configure: (inout GatewayConfiguration) -> Void, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        try await withGateway(endpoint: endpoint, on: group) { configuration in
            configuration.timeouts.linger = .milliseconds(20)
            configure(&configuration)
        } _: {
            try await body($0)
        }
    }

    /// Connections with one pending request each.
    private func ask(_ gateway: GatewayFixture, _ names: [String]) async throws -> [TestConnection] {
        var clients: [TestConnection] = []
        for name in names {
            let client = try await gateway.connect()
            try await client.send("GET /api/\(name) HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(client)
        }
        return clients
    }

    /// Waits until the administration reports these numbers of running and waiting requests.
    private func wait(_ gateway: GatewayFixture, running: Int, waiting: Int) async throws {
        let expected = "\"running\":\(running),\"waiting\":\(waiting)"
        try await eventually(expected) {
            String(decoding: gateway.gateway.state.bytes, as: UTF8.self).contains(expected)
        }
    }

    @Test func servesQueuesAndRefusesAtOnce() async throws {
        let upstream = try await TestUpstream.start()
        try await withRoute(upstream.endpoint) {
            $0.routes[0].concurrency = limit(2, queue: 2)
        } _: { gateway in
            let clients = try await ask(gateway, ["1", "2"])
            let served = [try await upstream.accept(), try await upstream.accept()]
            for connection in served { _ = try await connection.request() }
            let third = try await ask(gateway, ["3"])
            try await wait(gateway, running: 2, waiting: 1)
            let fourth = try await ask(gateway, ["4"])
            try await wait(gateway, running: 2, waiting: 2)
            for _ in 0..<10 {
                // The upstream is not responding yet.
                let refused = try await gateway.get("/api/5")
                #expect(refused.status == 503)
                #expect(refused["retry-after"] == "1")
                #expect(refused["content-type"] == "application/problem+json")
            }
            #expect(upstream.acceptedCount == 2)
            try await served[1].send(TestUpstream.ok("two"))
            #expect(try await clients[1].response().text == "two")
            // On the connection that became free.
            #expect(try await served[1].request().startLine == "GET /api/3 HTTP/1.1")
            try await served[0].send(TestUpstream.ok("one"))
            #expect(try await served[0].request().startLine == "GET /api/4 HTTP/1.1")
            for connection in served { try await connection.send(TestUpstream.ok("late")) }
            #expect(try await third[0].response().text == "late")
            #expect(try await fourth[0].response().text == "late")
            #expect(gateway.metric("gateway_concurrency_refusals_total")?.hasSuffix(" 10") == true)
            for client in clients + third + fourth { await client.close() }
            try await wait(gateway, running: 0, waiting: 0)
        }
        await upstream.stop()
    }

    @Test func waitInTheQueueIsBounded() async throws {
        let upstream = try await TestUpstream.start()
        try await withRoute(upstream.endpoint) {
            $0.timeouts.linger = .milliseconds(20)
            $0.upstreams[0].concurrency = limit(1, queue: 5, wait: .milliseconds(50))
        } _: { gateway in
            let first = try await ask(gateway, ["1"])
            let connection = try await upstream.accept()
            _ = try await connection.request()
            // The upstream is not responding yet.
            #expect(try await gateway.get("/api/2").status == 503)
            try await connection.send(TestUpstream.ok())
            #expect(try await first[0].response().status == 200)
            for client in first { await client.close() }
            try await wait(gateway, running: 0, waiting: 0)
        }
        await upstream.stop()
    }

    @Test func disconnectedClientsFreeTheirSlot() async throws {
        let upstream = try await TestUpstream.start()
        try await withRoute(upstream.endpoint) {
            $0.routes[0].concurrency = limit(1, queue: 10)
        } _: { gateway in
            let first = try await ask(gateway, ["first"])
            _ = try await upstream.accept()
            let waiting = try await ask(gateway, ["a", "b", "c", "d"])
            try await wait(gateway, running: 1, waiting: 4)
            for client in waiting.dropLast() { await client.close() }
            try await wait(gateway, running: 1, waiting: 1)
            // The served client leaves as well, and the last one gets its turn.
            await first[0].close()
            let connection = try await upstream.accept()
            #expect(try await connection.request().startLine == "GET /api/d HTTP/1.1")
            try await connection.send(TestUpstream.ok("d"))
            #expect(try await waiting[3].response().text == "d")
            await waiting[3].close()
            try await wait(gateway, running: 0, waiting: 0)
        }
        await upstream.stop()
    }

    @Test func failedRequestsFreeTheirSlot() async throws {
        let upstream = try await TestUpstream.start { _ in "" }
        await upstream.stop()
        try await withRoute(upstream.endpoint) {
            $0.routes[0].concurrency = limit(1)
            $0.upstreams[0].concurrency = limit(1)
        } _: { gateway in
            for _ in 0..<10 {
                let status = try await gateway.get("/api").status
                #expect(status == 502)
            }
            try await wait(gateway, running: 0, waiting: 0)
        }
    }

    /// A slot freed on one event loop goes to a request on another.
    @Test func eventLoopsShareOneLimit() async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withRoute(upstream.endpoint, on: loops) {
            $0.upstreams[0].concurrency = limit(1, queue: 100)
        } _: { gateway in
            let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        let client = try await gateway.connect()
                        var statuses: [Int] = []
                        for _ in 0..<50 {
                            try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                            statuses.append(try await client.response().status)
                        }
                        await client.close()
                        return statuses
                    }
                }
                return try await group.reduce(into: [Int]()) { $0 += $1 }
            }
            #expect(statuses.count == 800 && statuses.allSatisfy { $0 == 200 })
            // One at a time: each loop has at most one connection, and no connection was shared by two requests.
            #expect(upstream.acceptedCount <= 4)
            try await wait(gateway, running: 0, waiting: 0)
        }
        await upstream.stop()
        try await loops.shutdownGracefully()
    }

    /// Ten times as many requests as are admitted. Served requests wait at most for the queue; refused requests never
    /// wait for the upstream.
    @Test func overloadRefusesAtOnceAndServesTheQueue() async throws {
        let upstream = try await TestUpstream.start()
        try await withRoute(upstream.endpoint) {
            $0.routes[0].concurrency = limit(4, queue: 4)
        } _: { gateway in
            var clients: [TestConnection] = []
            for _ in 0..<80 { clients.append(try await gateway.connect()) }
            var connections: [TestConnection] = []
            for _ in 0..<5 {
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for client in clients {
                        group.addTask {
                            try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                            return try await client.response().status
                        }
                    }
                    // The upstream is not responding yet.
                    for _ in 0..<72 { #expect(try await group.next() == 503) }
                    try await wait(gateway, running: 4, waiting: 4)
                    var served = 0
                    try await eventually("eight responses") {
                        while connections.count < upstream.acceptedCount {
                            connections.append(try await upstream.accept())
                        }
                        let running = connections.filter { $0.receivedCount > 0 }
                        #expect(running.count <= 4)
                        for connection in running {
                            _ = try await connection.request()
                            try await connection.send(TestUpstream.ok())
                            served += 1
                        }
                        return served == 8
                    }
                    for _ in 0..<8 { #expect(try await group.next() == 200) }
                }
            }
            for client in clients { await client.close() }
        }
        await upstream.stop()
    }
}

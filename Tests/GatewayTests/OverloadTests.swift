import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

@Suite struct LoadShedderTests {
    private func shedder(lag: TimeAmount? = nil, requests: Int? = nil, loops: Int = 1) -> LoadShedder {
        var configuration = GatewayConfiguration.Overload()
        configuration.lag = lag
        configuration.requests = requests
        return LoadShedder(configuration, loops: loops)
    }

    @Test func refusesMoreTheLongerItIsLateAndLessAfterwards() {
        var shedder = shedder(lag: .milliseconds(50))
        #expect(!shedder.refuses(underWay: 1_000_000, chance: 0))
        shedder.observe(lag: 50_000_000)
        #expect(shedder.part == 0)
        var last = 0.0
        for _ in 0..<10 {
            shedder.observe(lag: 60_000_000)
            #expect(shedder.part > last)
            last = shedder.part
        }
        #expect(abs(shedder.part - 0.5) < 0.001)
        #expect(shedder.refuses(underWay: 0, chance: 0.4) && !shedder.refuses(underWay: 0, chance: 0.6))
        for _ in 0..<100 { shedder.observe(lag: .max) }
        // Some requests are always served.
        #expect(shedder.part == 0.95)
        for _ in 0..<100 { shedder.observe(lag: -1) }
        #expect(shedder.part == 0)
    }

    @Test func refusesMoreAsLoadGrows() {
        let shedder = shedder(requests: 800, loops: 2)
        #expect(!shedder.refuses(underWay: 300, chance: 0))
        #expect(shedder.refuses(underWay: 350, chance: 0.4) && !shedder.refuses(underWay: 350, chance: 0.6))
        #expect(shedder.refuses(underWay: 400, chance: 0.999) && shedder.refuses(underWay: .max / 2, chance: 0.999))
    }
}

/// Load shedding over real sockets.
@Suite struct OverloadTests {
    /// Keeps an event loop busy most of the time.
    private func occupy(_ loop: any EventLoop, while busy: Shared<Bool>) {
        // Leave a moment for other work on the loop.
        loop.scheduleTask(in: .milliseconds(1)) {
            guard busy.value else { return }
            let end = NIODeadline.now() + .milliseconds(40)
            while NIODeadline.now() < end {}
            self.occupy(loop, while: busy)
        }
    }

    private let health: LocalHandler = { _ in LocalResponse(contentType: "text/plain", body: Array("well".utf8)) }

    @Test func busyLoopShedsLoadAndRecovers() async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await withProxy(answer: { _ in TestUpstream.ok() }, on: loops) { configuration in
            configuration.overload = .init()
            configuration.overload?.lag = .milliseconds(10)
            configuration.localRoutes["/health"] = health
            var vital = GatewayConfiguration.RouteRule(.prefix("/vital"), upstream: "test")
            vital.isSheddable = false
            configuration.routes.append(vital)
        } _: { gateway, upstream in
            let client = try await gateway.connect()
            func ask(_ path: String) async throws -> Int {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                return try await client.response().status
            }
            for _ in 0..<20 { #expect(try await ask("/api") == 200) }
            let busy = Shared(true)
            occupy(loops.next(), while: busy)
            var refused = 0
            try await eventually("twenty refusals") {
                switch try await ask("/api") {
                case 503: refused += 1
                case 200: break
                case let other: Issue.record("\(other)")
                }
                return refused == 20
            }
            for _ in 0..<5 {
                #expect(try await ask("/health") == 200)
                #expect(try await ask("/vital") == 200)
            }
            busy.set(false)
            // Twenty successes in a row show that the overload is over.
            var served = 0
            try await eventually("the recovery") {
                served = try await ask("/api") == 200 ? served + 1 : 0
                return served == 20
            }
            await client.close()
        }
        try await loops.shutdownGracefully()
    }

    @Test func limitsConcurrentRequests() async throws {
        try await withProxy { configuration in
            configuration.overload = .init()
            configuration.overload?.requests = 8
            configuration.localRoutes["/health"] = health
        } _: { gateway, upstream in
            var clients: [TestConnection] = []
            var connections: [TestConnection] = []
            var refused = 0
            for _ in 0..<60 {
                let client = try await gateway.connect()
                try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                clients.append(client)
            }
            // The refused requests are answered while the upstream is not responding.
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for client in clients { group.addTask { try await client.response().status } }
                for _ in 0..<52 where try await group.next() == 503 { refused += 1 }
                #expect(refused == 52)
                for _ in 0..<8 {
                    let connection = try await upstream.accept()
                    _ = try await connection.request()
                    connections.append(connection)
                }
                #expect(try await gateway.get("/health").status == 200)
                for connection in connections { try await connection.send(TestUpstream.ok()) }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 8))
            #expect(gateway.metric("gateway_requests_shed_total")?.hasSuffix(" 52") == true)
            for client in clients { await client.close() }
        }
    }
}

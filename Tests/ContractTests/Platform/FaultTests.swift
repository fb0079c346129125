import Foundation
import MartletCore
import MartletTesting
import Testing

/// Failing dependencies: the response is clear while they are down, and the platform recovers. Each test has its own
/// platform.
@Suite struct FaultTests {
    /// Avoids reusing connections to a dead process.
    private static let fresh = ["Connection": "close"]

    @Test(.alone, arguments: Deployment.onPostgres)
    func answers503WithinTwoSecondsWithoutItsDatabaseAndRecovers(_ deployment: Deployment) async throws {
        let (server, running) = try await OwnPostgres.make()
        let platform = try await RunningPlatform.start(
            deployment, databaseURL: try await PostgresServer.makeDatabase(on: server.url))
        let api = try await platform.administratorAPI()
        let product = try await Products(api: api).addedPath()

        running.send(signal: SIGQUIT)
        _ = try await running.ended()
        let trace = "0af7651916cd43dd8448eb211c80319c"
        for path in [product, Products.path, "/api/auth/me", product] {
            let started = ContinuousClock.now
            let answer = try await api.get(path, ["traceparent": "00-\(trace)-b7ad6b7169203331-01"])
            #expect(ContinuousClock.now - started < .seconds(2), "\(path)")
            expectProblem(answer, 503, code: "unavailable", instance: path)
            #expect(answer.header("Retry-After") != nil)
        }
        #expect(try await api.get("/health/live").status == 200)
        #expect(try await api.get("/health/ready").status == 503)
        try await eventually("the log's line with the trace id", within: .seconds(5)) {
            platform.log(platform.part(of: "catalog")).contains { $0.contains("\"trace_id\":\"\(trace)\"") }
        }

        let again = try await server.start()
        try await eventually("the recovery", within: .seconds(10)) {
            try await api.get(product).status == 200
        }
        #expect(try await api.get("/api/auth/me").status == 200)
        #expect(try await api.patch(product, ["price": 2]).status == 200)
        #expect(try await api.get("/health/ready").status == 200)
        try await platform.stop()
        again.send(signal: SIGQUIT)
        _ = try await again.ended()
    }

    @Test(.alone, arguments: Deployment.apart)
    func answersWithoutAServiceAndRecovers(_ deployment: Deployment) async throws {
        let platform = try await RunningPlatform.start(deployment)
        let api = try await platform.administratorAPI()
        let product = try await Products(api: api).addedPath()

        platform.process("catalog")?.send(signal: SIGKILL)
        _ = try await platform.process("catalog")?.ended()
        for _ in 0..<3 {
            let started = ContinuousClock.now
            let gone = try await api.get(product, Self.fresh)
            #expect(gone.status == 502 || gone.status == 503, "\(gone.status)")
            expectProblem(gone, gone.status, instance: product)
            #expect(ContinuousClock.now - started < .seconds(6))
        }
        #expect(try await api.get("/api/auth/me", Self.fresh).status == 200, "other requests still work")
        #expect(try await api.get("/health/live", Self.fresh).status == 200)
        let ready = try await api.get("/health/ready", Self.fresh)
        #expect(ready.status == 503)
        #expect(try ready.json()["services"] == ["accounts": "ok", "catalog": "unavailable"])

        try platform.startPart("catalog")
        try await eventually("the recovery") { try await api.get(product, Self.fresh).status == 200 }
        try await platform.stop()
    }

    /// Known keys stay valid while their issuer is down.
    @Test(.alone, arguments: Deployment.apart)
    func sellsWithoutAccounts(_ deployment: Deployment) async throws {
        let platform = try await RunningPlatform.start(deployment)
        let api = try await platform.administratorAPI()
        let product = try await Products(api: api).addedPath(["stock": 5])
        platform.process("accounts")?.send(signal: SIGKILL)
        _ = try await platform.process("accounts")?.ended()
        #expect(try await api.post(product + "/reduce_stock", [:], Self.fresh).status == 200)
        let gone = try await api.get("/api/auth/me", Self.fresh)
        #expect(gone.status == 502 || gone.status == 503)
        try platform.startPart("accounts")
        try await eventually("the recovery") {
            try await api.get("/api/auth/me", Self.fresh).status == 200
        }
        try await platform.stop()
    }

    @Test(.alone, arguments: Deployment.allCases)
    func keepsEverythingAcrossARestart(_ deployment: Deployment) async throws {
        let platform = try await RunningPlatform.start(deployment)
        let api = try await platform.administratorAPI()
        let product = try await Products(api: api).add(["name": "Kept"])
        try await platform.stop()
        for name in platform.partNames { try platform.startPart(name) }
        try await platform.ready()
        #expect(try await api.get(Products.path(product), Self.fresh).json() == product)
        #expect(try await api.get("/api/auth/me", Self.fresh).status == 200, "tokens outlive a restart")
        try await platform.stop()
    }

    /// Acknowledged changes survive a power failure.
    @Test(.alone, arguments: [Deployment.oneProcessOnSQLite, .threeProcessesOnSQLite])
    func keepsAcknowledgedWritesWhenKilled(_ deployment: Deployment) async throws {
        let platform = try await RunningPlatform.start(deployment)
        let api = try await platform.administratorAPI()
        let products = Products(api: api)
        let part = platform.part(of: "catalog")
        let writer = Task {
            var acknowledged: [String] = []
            while let path = try? await products.addedPath() { acknowledged.append(path) }
            return acknowledged
        }
        try await eventually("some products") {
            try await api.get(Products.path).json()["total"]?.intValue ?? 0 >= 10
        }
        platform.process(part)?.send(signal: SIGKILL)
        _ = try await platform.process(part)?.ended()
        let acknowledged = await writer.value
        try platform.startPart(part)
        try await platform.ready()
        for path in acknowledged { #expect(try await api.get(path, Self.fresh).status == 200, "\(path)") }
        try await platform.stop()
    }
}

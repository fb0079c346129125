import Foundation
import MartletCore
import Testing

/// The API document while a service is down. Each test has its own platform.
@Suite struct PartialOpenAPITests {
    @Test(.alone, arguments: Deployment.apart)
    func describesTheServicesThatAnswer(_ deployment: Deployment) async throws {
        let platform = try await RunningPlatform.start(deployment)
        let api = platform.api
        let whole = try await APIDocument.read(api)
        #expect(whole.json["info"]?["x-unavailable"] == nil)

        platform.process("catalog")?.send(signal: SIGKILL)
        _ = try await platform.process("catalog")?.ended()
        let partial = try await APIDocument.read(api)
        let templates = Set(partial.operations.map(\.template))
        #expect(templates.contains("/api/users"))
        #expect(!templates.contains("/api/products"))
        #expect(partial.json["info"]?["x-unavailable"] == ["catalog"])
        let events = try await api.get("/asyncapi.json")
        #expect(try events.json()["channels"]?.objectValue?.map(\.0) == ["accounts", "catalog"])

        platform.process("accounts")?.send(signal: SIGKILL)
        _ = try await platform.process("accounts")?.ended()
        expectProblem(try await api.get("/openapi.json"), 503, code: "unavailable", instance: "/openapi.json")
        try await platform.stop()
    }
}

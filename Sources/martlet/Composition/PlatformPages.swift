import Gateway
import MartletClient
import MartletCore
import MartletTelemetry
import MartletWeb
import Synchronization

/// Whether the gateway wants requests: one that is drained tells load balancers to look elsewhere.
final class Readiness: Sendable {
    private let draining = Atomic(false)

    var isDraining: Bool {
        get { draining.load(ordering: .relaxed) }
        set { draining.store(newValue, ordering: .relaxed) }
    }
}

/// What the gateway answers itself: the merged API document, health and metrics.
struct PlatformPages: Sendable {
    let clients: [ServiceClient]
    let metrics: MetricsRegistry
    let readiness: Readiness

    var routes: [String: LocalRoute] {
        [
            "/openapi.json": { _ in await openAPI() },
            "/health/live": { _ in .json(Array(#"{"status":"ok"}"#.utf8)) },
            "/health/ready": { _ in await ready() },
            "/metrics": { request in
                guard request.isTrustedLoopback else { return .problem(.forbidden("Metrics are for this machine.")) }
                return .text(metrics.exposition(), contentType: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }

    /// One document of all services; it is asked for anew each time, as services come and go.
    private func openAPI() async -> LocalResponse {
        do {
            var documents: [JSONValue] = []
            for client in clients {
                let response = try await client.get("/openapi.json")
                guard response.status == 200 else { throw Problem.unavailable("A service has no API document.") }
                documents.append(try JSONValue(parsing: response.body))
            }
            let merged = OpenAPI.merged(title: "Martlet", version: Martlet.version, documents)
            return .json(merged.bytes)
        } catch let problem as Problem {
            return .problem(problem)
        } catch {
            return .problem(.internal)
        }
    }

    /// Ready when every service is: each is asked at once.
    private func ready() async -> LocalResponse {
        let answers = await withTaskGroup(of: (Int, Bool).self) { group in
            for (index, client) in clients.enumerated() {
                group.addTask { (index, (try? await client.get("/health/ready"))?.status == 200) }
            }
            var answers: [Int: Bool] = [:]
            for await (index, isReady) in group { answers[index] = isReady }
            return answers
        }
        let isReady = answers.values.allSatisfy { $0 } && !readiness.isDraining
        let services = clients.enumerated().map { index, client in
            (client.service, JSONValue.string(answers[index] == true ? "ok" : "unavailable"))
        }
        let body: JSONValue = ["status": .string(isReady ? "ok" : "unavailable"), "services": .object(services)]
        return .json(body.bytes, status: isReady ? 200 : 503)
    }
}

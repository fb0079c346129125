import Gateway
import MartletClient
import MartletCore
import MartletTelemetry
import MartletWeb
import Synchronization

/// Whether the gateway accepts requests. While it is drained, it tells load balancers to send none.
final class Readiness: Sendable {
    private let draining = Atomic(false)

    var isDraining: Bool {
        get { draining.load(ordering: .relaxed) }
        set { draining.store(newValue, ordering: .relaxed) }
    }
}

/// The gateway's own pages: the API documents, the declared console pages, health and metrics.
struct PlatformPages: Sendable {
    let composition: Composition
    let clients: [ServiceClient]
    let metrics: MetricsRegistry
    let readiness: Readiness

    var routes: [String: LocalHandler] {
        // Known without calling the services.
        let asyncAPI = AsyncAPI.document(title: "Martlet", version: Martlet.version, services: composition.services)
            .bytes
        return [
            "/openapi.json": { _ in await openAPI() },
            "/asyncapi.json": { _ in .json(asyncAPI) },
            "/console.json": { _ in .json(consolePages) },
            "/health/live": { _ in .json(Array(#"{"status":"ok"}"#.utf8)) },
            "/health/ready": { _ in await ready() },
            "/metrics": { request in
                guard request.isTrustedLoopback else {
                    return .problem(.forbidden("Metrics are only for this machine."))
                }
                return .text(metrics.exposition(), contentType: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }

    /// The console pages that services declare. They are known without calling the services.
    private var consolePages: [UInt8] {
        let pages = composition.services.flatMap { $0.pages }.map(\.json)
        return JSONValue.object([("pages", .array(pages))]).bytes
    }

    /// Merges the documents of all services that respond. It calls them for each request, because services come and go.
    /// The document's `info` lists those that do not respond under `x-unavailable`.
    private func openAPI() async -> LocalResponse {
        let found = await withTaskGroup(of: (Int, JSONValue?).self) { group in
            for (index, client) in clients.enumerated() { group.addTask { (index, await Self.document(of: client)) } }
            var found: [Int: JSONValue] = [:]
            for await (index, document) in group { found[index] = document }
            return found
        }
        guard !found.isEmpty || clients.isEmpty else {
            return .problem(.unavailable("No service returned its API document."))
        }
        let documents = clients.indices.compactMap { found[$0] }
        let missing = clients.indices.filter { found[$0] == nil }.map { clients[$0].service }
        let merged = OpenAPI.merged(title: "Martlet", version: Martlet.version, documents)
        return .json(Self.naming(missing, in: merged).bytes)
    }

    /// nil if the service does not respond with a document.
    private static func document(of client: ServiceClient) async -> JSONValue? {
        guard let response = try? await client.send(ServiceRequest(.get, "/openapi.json")), response.status == 200
        else { return nil }
        return try? JSONValue(parsing: response.body)
    }

    private static func naming(_ missing: [String], in document: JSONValue) -> JSONValue {
        guard !missing.isEmpty, let members = document.objectValue else { return document }
        let mark = ("x-unavailable", JSONValue.array(missing.map { .string($0) }))
        return .object(
            members.map { name, value in
                name == "info" ? (name, .object((value.objectValue ?? []) + [mark])) : (name, value)
            })
    }

    /// Ready when every service is ready. All are called at once.
    private func ready() async -> LocalResponse {
        let answers = await withTaskGroup(of: (Int, Bool).self) { group in
            for (index, client) in clients.enumerated() {
                group.addTask { (index, (try? await client.get("/health/ready")) != nil) }
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

import Gateway
import MartletClient
import MartletCore
import MartletWeb

/// The jobs, queues and events of all services, each list merged from those of the services.
///
/// The services check the caller's permissions: `GET /api/jobs` asks each for `/api/jobs/{service}`, with the caller's token.
struct OperationsPages: Sendable {
    /// The largest `skip` plus `limit`: the length of the longest list that a service returns.
    private static let reach = 100
    private static let defaultLimit = 20

    let clients: [ServiceClient]

    var routes: [String: LocalHandler] {
        var routes: [String: LocalHandler] = [:]
        for root in MessagingRoutes.roots { routes[root] = { await list(root, $0) } }
        return routes
    }

    private func list(_ root: String, _ request: LocalRequest) async -> LocalResponse {
        var query = (request.query ?? "").split(separator: "&").map(String.init)
        let skip = Self.take("skip", from: &query) ?? "0"
        let limit = Self.take("limit", from: &query) ?? "\(Self.defaultLimit)"
        guard let first = Int(skip), let count = Int(limit), first >= 0, count > 0, count <= Self.reach,
            first <= Self.reach - count
        else {
            return Self.invalid("limit", "limit is at least 1, and skip plus limit at most \(Self.reach).")
        }
        guard !query.contains(where: { $0.hasPrefix("ordering=") }) else {
            return Self.invalid("ordering", "The newest come first. Ask one service for another order.")
        }
        if root != "/api/queues" { query += ["ordering=-time", "limit=\(first + count)"] }
        let path = query.isEmpty ? "" : "?" + query.joined(separator: "&")
        let lists = await ask(root, path, request.header("Authorization"))
        return Self.merged(lists, first, count)
    }

    private static func invalid(_ parameter: String, _ message: String) -> LocalResponse {
        .problem(.invalid([FieldError(loc: ["query", parameter], message: message, code: "invalid_parameter")]))
    }

    /// Removes a parameter.
    private static func take(_ name: String, from query: inout [String]) -> String? {
        guard let index = query.firstIndex(where: { $0.hasPrefix(name + "=") }) else { return nil }
        return String(query.remove(at: index).dropFirst(name.utf8.count + 1))
    }

    private struct Answer: Sendable {
        let service: String
        /// nil when the service does not answer.
        let response: ServiceClient.Response?
    }

    private func ask(_ root: String, _ query: String, _ authorization: String?) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, client) in clients.enumerated() {
                var request = ServiceRequest(.get, "\(root)/\(client.service)\(query)")
                request.authorization = authorization
                group.addTask { [request] in
                    (index, Answer(service: client.service, response: try? await client.send(request)))
                }
            }
            var answers: [(Int, Answer)] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private static func merged(_ answers: [Answer], _ skip: Int, _ limit: Int) -> LocalResponse {
        var items: [(time: String, item: JSONValue)] = []
        var total = 0
        var missing: [JSONValue] = []
        var refusal: ServiceClient.Response?
        for answer in answers {
            guard let response = answer.response, response.status < 500 else {
                missing.append(.string(answer.service))
                continue
            }
            // The caller may see the others.
            if response.status == 403 {
                refusal = refusal ?? response
                missing.append(.string(answer.service))
                continue
            }
            // What is wrong with the token or a parameter is wrong for all.
            guard response.status == 200, let list = try? JSONValue(parsing: response.body) else {
                return LocalResponse(
                    status: response.status, contentType: "application/problem+json", body: response.body)
            }
            let found = list["items"]?.arrayValue ?? []
            total += list["total"]?.intValue ?? found.count
            items += found.map { item in
                let members = [("service", JSONValue.string(answer.service))] + (item.objectValue ?? [])
                return (item["time"]?.stringValue ?? "", .object(members))
            }
        }
        if let refusal, missing.count == answers.count {
            return LocalResponse(status: 403, contentType: "application/problem+json", body: refusal.body)
        }
        // The newest first; queues, which have no time, stay in the order of their services.
        let page = items.enumerated().sorted { ($1.element.time, $0.offset) < ($0.element.time, $1.offset) }
            .dropFirst(skip).prefix(limit).map(\.element.item)
        let body: JSONValue = [
            "items": .array(page), "total": .number("\(total)"), "skip": .number("\(skip)"),
            "limit": .number("\(limit)"), "unavailable": .array(missing),
        ]
        return .json(body.bytes)
    }
}

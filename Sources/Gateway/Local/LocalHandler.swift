package import MartletCore

/// Handles requests for one path inside the gateway's process.
///
/// Runs as a task on Swift's global executor, which the `martlet` executable replaces with the event loops. So a
/// handler must neither block nor compute for long.
package typealias LocalHandler = @Sendable (LocalRequest) async -> LocalResponse

/// A request passed to a ``LocalHandler``.
package struct LocalRequest: Sendable {
    /// `GET` or `HEAD`, or `POST` for ``GatewayConfiguration/localActions``.
    package let method: String
    /// The normalized path, without the query.
    package let path: String
    /// The query without its question mark, as the client sent it.
    package let query: String?
    /// The field lines, in order.
    package let headers: [(name: String, value: String)]
    /// The peer's IP address, without port or brackets.
    package let peerAddress: String
    /// Whether the request comes from this machine: the peer is a loopback address, and no field says that a proxy
    /// forwarded the request.
    package let isTrustedLoopback: Bool
    /// The id in the response and in the logs.
    package let requestID: String
    /// The body of a `POST`; other bodies are not read.
    package internal(set) var body: [UInt8] = []

    /// The first field of that name, ignoring case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// The response of a ``LocalHandler``. The gateway adds length, date, request id and connection fields.
package struct LocalResponse: Sendable {
    package var status: Int
    package var contentType: String
    /// Additional fields. Invalid ones are dropped.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Set by ``problem(_:)``; the gateway writes the body, with the request's path and id.
    let problem: Problem?

    package init(
        status: Int = 200, contentType: String, headers: [(name: String, value: String)] = [], body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
        problem = nil
    }

    private init(_ problem: Problem) {
        status = problem.status
        contentType = "application/problem+json"
        headers = []
        body = []
        self.problem = problem
    }

    package static func text(_ text: String, status: Int = 200, contentType: String = "text/plain; charset=utf-8")
        -> LocalResponse
    {
        LocalResponse(status: status, contentType: contentType, body: Array(text.utf8))
    }

    package static func json(_ body: [UInt8], status: Int = 200) -> LocalResponse {
        LocalResponse(status: status, contentType: "application/json", body: body)
    }

    /// The problem as `application/problem+json`.
    package static func problem(_ problem: Problem) -> LocalResponse { LocalResponse(problem) }
}

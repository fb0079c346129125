package import MartletCore

/// Answers requests for one path inside the gateway's process, away from the event loops.
package typealias LocalHandler = @Sendable (LocalRequest) async -> LocalResponse

/// A request that a closure answers.
package struct LocalRequest: Sendable {
    /// `GET` or `HEAD`, or `POST` for ``GatewayConfiguration/localActions``.
    package let method: String
    /// The path in its normal form, without the query.
    package let path: String
    /// The query without its question mark, as the client sent it.
    package let query: String?
    /// The field lines in order.
    package let headers: [(name: String, value: String)]
    /// The peer's IP address, without port and brackets.
    package let peerAddress: String
    /// Whether the request comes from this machine itself: the peer is a loopback address and the request does not
    /// say that a proxy passed it on.
    package let isTrustedLoopback: Bool
    /// The id that the answer and the logs carry.
    package let requestID: String
    /// Of a `POST`; other bodies are not read.
    package internal(set) var body: [UInt8] = []

    /// The first field of that name, in any case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// The answer of a ``LocalHandler``. Length, date, request id and connection fields are the gateway's.
package struct LocalResponse: Sendable {
    package var status: Int
    package var contentType: String
    /// Further fields. Those with characters that a field must not have are left out.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Set by ``problem(_:)``: the gateway writes the body, which carries the request's path and id.
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

public import MartletCore

/// The answer of another service, whatever its status.
public struct ServiceResponse: Sendable {
    /// The name of the service.
    public let service: String
    public let status: Int
    public let body: [UInt8]
    let headers: [(name: String, value: String)]

    /// The value of a header field, by its name in any case; the first one of several.
    public func header(_ name: String) -> String? {
        let wanted = HeaderText.lowercased(name)
        return headers.first { HeaderText.lowercased($0.name).isExactly(wanted) }?.value
    }

    /// The version of the resource, for `ifMatch`.
    public var entityTag: String? { header("etag") }

    /// Decodes the body. Members that the type does not have are ignored, so that a service may add some.
    /// - Throws: ``Problem`` 502 when the body is not a `Value`.
    public func decode<Value: Decodable>(_ type: Value.Type) throws(Problem) -> Value {
        do {
            return try JSONValue(parsing: body).decode(type)
        } catch {
            throw Problem(
                status: 502, detail: "The service '\(service)' returned an invalid response.", code: "bad_gateway")
        }
    }

    /// - Throws: ``CallError`` for a refusal; ``Problem`` 503 for a service that cannot answer now, 502 for a redirect.
    func requireSuccess() throws {
        guard !(200..<300).contains(status) else { return }
        switch status {
        case 400..<500 where status != 429:
            throw CallError(
                service: service, problem: Problem(status: status, json: body) ?? Problem(status: status),
                requestID: header("x-request-id"))
        case 429, 500...: throw Problem.unavailable("The service '\(service)' cannot answer now.")
        default:
            throw Problem(
                status: 502, detail: "The service '\(service)' returned status \(status).", code: "bad_gateway")
        }
    }

    /// How long the service asks to wait before another attempt, in whole seconds (RFC 9110 §10.2.3).
    var retryAfter: Duration? {
        guard let text = header("retry-after"), text.utf8.count <= 6, let seconds = Int(text), seconds >= 0 else {
            return nil
        }
        return .seconds(seconds)
    }

    /// Whether a request that may be repeated should be.
    func asksForRepetition(of request: ServiceRequest) -> Bool {
        switch status {
        case 502, 503, 504: true
        // The first attempt is still being handled.
        case 409: request.idempotencyKey != nil && Problem(status: 409, json: body)?.code == "idempotency_key_in_use"
        default: false
        }
    }
}

import MartletCore

/// The methods throw ``CallError`` when the service refuses the request, ``Problem`` 503 when it does not respond or its
/// answer has a 5xx status or 429, and 502 when the answer is not what was asked for. ``send(_:)`` leaves the status to
/// its caller.
extension ServiceClient {
    @discardableResult
    public func get(_ path: String, timeout: Duration = .seconds(2)) async throws -> Response {
        try await success(of: ServiceRequest(.get, path), timeout)
    }

    public func get<Answer: Decodable>(
        _ path: String, as type: Answer.Type, timeout: Duration = .seconds(2)
    ) async throws -> Answer {
        try await get(path, timeout: timeout).decode(type)
    }

    /// - Parameter idempotencyKey: identifies the request, so that it can be sent again and is handled once. It must be
    ///   the same whenever the caller repeats the call, so derive it from what causes the call: `order-7-reserve`.
    @discardableResult
    public func post(
        _ path: String, _ body: some Encodable, idempotencyKey: String? = nil, timeout: Duration = .seconds(2)
    ) async throws -> Response {
        var request = ServiceRequest(.post, path, body: try JSONWriter.bytes(of: body))
        request.idempotencyKey = idempotencyKey
        return try await success(of: request, timeout)
    }

    public func post<Answer: Decodable>(
        _ path: String, _ body: some Encodable, as type: Answer.Type, idempotencyKey: String? = nil,
        timeout: Duration = .seconds(2)
    ) async throws -> Answer {
        try await post(path, body, idempotencyKey: idempotencyKey, timeout: timeout).decode(type)
    }

    /// - Parameter ifMatch: the `ETag` of the version to replace.
    @discardableResult
    public func put(
        _ path: String, _ body: some Encodable, ifMatch: String? = nil, timeout: Duration = .seconds(2)
    ) async throws -> Response {
        var request = ServiceRequest(.put, path, body: try JSONWriter.bytes(of: body))
        request.ifMatch = ifMatch
        return try await success(of: request, timeout)
    }

    public func put<Answer: Decodable>(
        _ path: String, _ body: some Encodable, as type: Answer.Type, ifMatch: String? = nil,
        timeout: Duration = .seconds(2)
    ) async throws -> Answer {
        try await put(path, body, ifMatch: ifMatch, timeout: timeout).decode(type)
    }

    /// - Parameters:
    ///   - changes: its properties are the members to change (JSON Merge Patch, RFC 7396). Nil is sent as null, which
    ///     clears a member.
    ///   - ifMatch: the `ETag` of the version to change.
    @discardableResult
    public func patch(
        _ path: String, _ changes: some Encodable, ifMatch: String? = nil, timeout: Duration = .seconds(2)
    ) async throws -> Response {
        var request = ServiceRequest(.patch, path, body: try JSONWriter.bytes(of: changes))
        request.contentType = "application/merge-patch+json"
        request.ifMatch = ifMatch
        return try await success(of: request, timeout)
    }

    public func patch<Answer: Decodable>(
        _ path: String, _ changes: some Encodable, as type: Answer.Type, ifMatch: String? = nil,
        timeout: Duration = .seconds(2)
    ) async throws -> Answer {
        try await patch(path, changes, ifMatch: ifMatch, timeout: timeout).decode(type)
    }

    /// - Parameter ifMatch: the `ETag` of the version to delete.
    @discardableResult
    public func delete(
        _ path: String, ifMatch: String? = nil, timeout: Duration = .seconds(2)
    ) async throws -> Response {
        var request = ServiceRequest(.delete, path)
        request.ifMatch = ifMatch
        return try await success(of: request, timeout)
    }

    private func success(of request: ServiceRequest, _ timeout: Duration) async throws -> Response {
        var request = request
        request.timeout = timeout
        let response = try await send(request)
        try response.requireSuccess()
        return response
    }
}

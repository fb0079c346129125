public import HTTPTypes
import MartletCore

/// Who may use a route. There is no default: a service with a route that does not declare its access does not start.
public enum Access: Sendable, Equatable {
    /// Everyone, without authentication.
    case `public`
    /// Every signed-in user.
    case signedIn
    /// Users with the permission; superusers have every permission. `staffOnly` also requires a staff account.
    case permission(String, staffOnly: Bool)
}

/// One operation of a service: its method, its path, its access, and a handler whose types define the contract.
public struct Route: Sendable {
    public let method: HTTPRequest.Method
    /// The template without a trailing slash: `/api/products/{id}`.
    public internal(set) var path: String
    /// nil until declared with ``public``, ``signedIn`` or ``requires(_:staffOnly:)``.
    public private(set) var access: Access?
    public private(set) var summary: String
    var tag: String?
    private(set) var input: InputDescription
    let output: OutputDescription
    /// nil for a route that takes no `Idempotency-Key`.
    private(set) var idempotency: Idempotency?
    /// Reads the inputs and returns the call of the handler with them.
    let prepare: @Sendable (RequestParts) throws -> @Sendable (Context) async throws -> ResponseParts

    /// Allows everyone to use the route.
    public var `public`: Route { with(.public) }

    /// Allows every signed-in user to use the route.
    public var signedIn: Route { with(.signedIn) }

    /// Requires a permission such as `catalog.add_product`.
    public func requires(_ permission: String, staffOnly: Bool = false) -> Route {
        with(.permission(permission, staffOnly: staffOnly))
    }

    private func with(_ access: Access) -> Route {
        var copy = self
        copy.access = access
        return copy
    }

    /// Makes a `POST` safe to repeat: a request may have an `Idempotency-Key`, and of several requests with one key only
    /// the first runs the handler. The others get its answer, for 24 hours.
    ///
    /// The answer is stored in the service's database, so the route's answers must not contain secrets. Answers that ask
    /// the client to try again, and invalid inputs, are not stored: a repeated request runs the handler again. The route
    /// must authenticate its callers, because a key belongs to a user.
    public var idempotent: Route { idempotent(requiresKey: false) }

    /// Like ``idempotent``.
    /// - Parameter requiresKey: whether a request without a key gets 400.
    public func idempotent(requiresKey: Bool) -> Route {
        var copy = self
        copy.idempotency = Idempotency(requiresKey: requiresKey)
        return copy
    }

    /// Sets the bounds of a ``RawBody``.
    /// - Parameters:
    ///   - maximumBytes: the maximum length. A longer body gets 413. Default without this call: 1 MiB.
    ///   - type: the media type in the OpenAPI document. The route accepts every `Content-Type`.
    public func rawBody(upTo maximumBytes: Int, type: String = RawBody.anyType) -> Route {
        guard input.rawBody != nil else { preconditionFailure("the handler of \(path) takes no RawBody") }
        var copy = self
        copy.input.rawBody = RawBody.Description(maximumBytes: maximumBytes, mediaType: type)
        return copy
    }

    /// Sets the operation's one-line summary in the OpenAPI document.
    public func summary(_ text: String) -> Route {
        var copy = self
        copy.summary = text
        return copy
    }
}

/// `GET`; the path is relative to the group's.
// swift-format-ignore: AlwaysUseLowerCamelCase
public func Get<each Value: RouteInput, Result: Output>(
    _ path: String = "", use handler: @escaping @Sendable (Context, repeat each Value) async throws -> Result
) -> Route { route(.get, path, handler) }

/// `POST`
// swift-format-ignore: AlwaysUseLowerCamelCase
public func Post<each Value: RouteInput, Result: Output>(
    _ path: String = "", use handler: @escaping @Sendable (Context, repeat each Value) async throws -> Result
) -> Route { route(.post, path, handler) }

/// `PUT`
// swift-format-ignore: AlwaysUseLowerCamelCase
public func Put<each Value: RouteInput, Result: Output>(
    _ path: String = "", use handler: @escaping @Sendable (Context, repeat each Value) async throws -> Result
) -> Route { route(.put, path, handler) }

/// `PATCH`
// swift-format-ignore: AlwaysUseLowerCamelCase
public func Patch<each Value: RouteInput, Result: Output>(
    _ path: String = "", use handler: @escaping @Sendable (Context, repeat each Value) async throws -> Result
) -> Route { route(.patch, path, handler) }

/// `DELETE`
// swift-format-ignore: AlwaysUseLowerCamelCase
public func Delete<each Value: RouteInput, Result: Output>(
    _ path: String = "", use handler: @escaping @Sendable (Context, repeat each Value) async throws -> Result
) -> Route { route(.delete, path, handler) }

private func route<each Value: RouteInput, Result: Output>(
    _ method: HTTPRequest.Method, _ path: String,
    _ handler: @escaping @Sendable (Context, repeat each Value) async throws -> Result
) -> Route {
    let shape = RouteShape(
        hasBody: method == .post || method == .put || method == .patch,
        pathParameters: path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            String($0.dropFirst().dropLast())
        })
    let bindings = (repeat (each Value).bind(to: shape))
    var input = InputDescription()
    for binding in repeat each bindings {
        input.parameters += binding.description.parameters
        if let body = binding.description.body {
            input.body = body
            input.isPartial = binding.description.isPartial
        }
        input.rawBody = input.rawBody ?? binding.description.rawBody
    }
    if input.rawBody != nil {
        guard input.body?.fields.isEmpty ?? true else {
            preconditionFailure(
                "the handler of \(path) takes a RawBody, so its inputs must not have fields in the body")
        }
        input.body = nil
    }
    return Route(
        method: method, path: path, access: nil, summary: "", tag: nil, input: input,
        output: OutputDescription(status: Result.status, schema: Result.schema, headers: Result.headerNames)
    ) { parts in
        let values: (repeat each Value)
        do {
            values = (repeat try (each bindings).read(parts))
        } catch let problem as Problem where problem.status == 422 {
            // One input is invalid. Report the errors of all inputs.
            var errors: [FieldError] = []
            var more = 0
            for binding in repeat each bindings {
                do {
                    _ = try binding.read(parts)
                } catch let problem as Problem {
                    errors += problem.errors
                    more += problem.moreErrors
                }
            }
            throw Problem.invalid(errors, moreErrors: more)
        }
        return { context in try await handler(context, repeat each values).responseParts() }
    }
}

/// Routes under a common path, grouped in the API documentation.
// swift-format-ignore: AlwaysUseLowerCamelCase
public func Group(_ path: String, tag: String, @RouteBuilder _ routes: () -> [Route]) -> [Route] {
    routes().map { route in
        var route = route
        let parts = "\(path)/\(route.path)".split(separator: "/")
        route.path = "/" + parts.joined(separator: "/")
        route.tag = route.tag ?? tag
        return route
    }
}

@resultBuilder
public enum RouteBuilder {
    public static func buildExpression(_ route: Route) -> [Route] { [route] }
    public static func buildExpression(_ routes: [Route]) -> [Route] { routes }
    public static func buildBlock(_ parts: [Route]...) -> [Route] { parts.flatMap { $0 } }
}

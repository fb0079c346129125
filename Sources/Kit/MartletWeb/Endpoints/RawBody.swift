/// The body of a request as it was sent, of any media type: for signatures, which cover the exact bytes.
///
/// A route with a raw body is not protected by the rule that a request with cookies must be JSON, which forms of other
/// sites cannot send. So its handler gets no cookies.
public struct RawBody: RouteInput {
    public static let anyType = "application/octet-stream"

    public let bytes: [UInt8]
    /// The request's `Content-Type`, as sent; nil when there is none.
    public let contentType: String?

    struct Description: Sendable {
        var maximumBytes = 1024 * 1024
        var mediaType = RawBody.anyType
    }

    public static func bind(to route: RouteShape) -> InputBinding<RawBody> {
        guard route.hasBody else { preconditionFailure("a GET or DELETE has no body, so it cannot take a RawBody") }
        var description = InputDescription()
        description.rawBody = Description()
        return InputBinding(description: description) { $0.rawBody ?? RawBody(bytes: [], contentType: nil) }
    }
}

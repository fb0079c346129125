/// A request to another service.
public struct ServiceRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    public var method: Method
    /// An absolute, percent-encoded path, with a query if there is one.
    public var path: String
    /// nil for none.
    public var body: [UInt8]?
    /// The media type of the body. Default: `application/json`.
    public var contentType = "application/json"
    /// The `ETag` of the version to change. The service answers 412 if it has another one.
    public var ifMatch: String?
    /// Identifies the request, so that the service handles it once even if it is sent again: for routes that are
    /// `idempotent`. Without it, a `POST` or `PATCH` is sent once.
    public var idempotencyKey: String?
    /// The value of `Authorization`. Default: none.
    public var authorization: String?
    /// The longest time for the whole call: connecting, all attempts and the body. ``CallDeadline`` may end it earlier.
    /// Default: 2 seconds.
    public var timeout = Duration.seconds(2)
    /// The maximum length of the answer's body. Default: 4 MiB.
    public var maximumBytes = 4 * 1024 * 1024

    public init(_ method: Method, _ path: String, body: [UInt8]? = nil) {
        self.method = method
        self.path = path
        self.body = body
    }

    /// Whether sending the request again has no further effect, so that it may be sent again after a failure that leaves
    /// open whether the service has handled it.
    var isRepeatable: Bool {
        switch method {
        case .get: true
        // With If-Match, the second one gets 412 if the first has succeeded.
        case .put, .delete: ifMatch == nil
        case .post, .patch: idempotencyKey != nil
        }
    }
}

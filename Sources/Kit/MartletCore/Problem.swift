/// The only error a client sees: problem details for HTTP APIs (RFC 9457, `application/problem+json`).
///
/// Handlers and stores throw a `Problem` for errors that the client can act on. Any other error is logged in full and
/// reported as ``internal``, so that no internal detail leaks.
public struct Problem: Error, Sendable, Equatable {
    /// The HTTP status code, 400…599.
    public var status: Int
    /// A short summary of the kind of problem. Default: the reason phrase of the status.
    public var title: String
    /// A human-readable explanation of this occurrence.
    public var detail: String?
    /// A stable, snake_case name of the problem that programs can rely on, such as `out_of_stock`.
    public var code: String?
    /// The invalid fields of the input, at most ``maximumErrors``.
    public var errors: [FieldError]
    /// The number of invalid fields that ``errors`` does not list.
    public var moreErrors = 0
    /// Header fields of the response, such as `Allow` with 405 or `Retry-After` with 503.
    public var headers: [(name: String, value: String)]

    public init(
        status: Int, title: String? = nil, detail: String? = nil, code: String? = nil, errors: [FieldError] = [],
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.title = title ?? Self.reasonPhrase(status)
        self.detail = detail
        self.code = code
        self.errors = errors
        self.headers = headers
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.status == right.status && left.title == right.title && left.detail == right.detail
            && left.code == right.code && left.errors == right.errors && left.moreErrors == right.moreErrors
            && left.headers.elementsEqual(right.headers, by: ==)
    }
}

/// One invalid field of the input.
public struct FieldError: Sendable, Equatable {
    /// Where the field is: `["body", "price"]`, `["query", "page"]`, `["body", "lines", "2", "quantity"]`.
    public var loc: [String]
    /// A human-readable explanation, in English.
    public var message: String
    /// A stable, snake_case name of the broken rule. Clients translate it.
    public var code: String
    /// The values in the message, for example `["min": "1"]`.
    public var params: [String: String]

    public init(loc: [String], message: String, code: String, params: [String: String] = [:]) {
        self.loc = loc
        self.message = message
        self.code = code
        self.params = params
    }
}

extension Problem {
    /// 400: the request is malformed.
    public static func badRequest(_ detail: String, code: String = "bad_request") -> Problem {
        Problem(status: 400, detail: detail, code: code)
    }

    /// 401 with the `WWW-Authenticate` challenge of RFC 6750.
    public static func unauthorized(_ detail: String, code: String = "unauthorized") -> Problem {
        Problem(status: 401, detail: detail, code: code, headers: [("WWW-Authenticate", "Bearer")])
    }

    /// 403: the caller is authenticated but lacks permission.
    public static func forbidden(_ detail: String, code: String = "permission_denied") -> Problem {
        Problem(status: 403, detail: detail, code: code)
    }

    /// 404: `what` names the kind of resource, such as "Product".
    public static func notFound(_ what: String) -> Problem {
        Problem(status: 404, detail: "\(what) not found.", code: "not_found")
    }

    /// 405 with `Allow` (RFC 9110 §15.5.6).
    /// - Parameter allowed: the methods that the path has; at least one.
    public static func methodNotAllowed(allowed: [String]) -> Problem {
        let names =
            allowed.dropLast().joined(separator: ", ") + (allowed.count > 1 ? " and " : "") + (allowed.last ?? "")
        return Problem(
            status: 405, detail: "Only \(names) \(allowed.count > 1 ? "are" : "is") allowed here.",
            code: "method_not_allowed", headers: [("Allow", allowed.joined(separator: ", "))])
    }
    /// 409: the request conflicts with the current state.
    public static func conflict(_ detail: String, code: String, errors: [FieldError] = []) -> Problem {
        Problem(status: 409, detail: detail, code: code, errors: errors)
    }

    /// 412: the resource is not the version that `If-Match` names.
    public static let preconditionFailed = Problem(
        status: 412, detail: "The resource has been changed since it was read.", code: "precondition_failed")

    /// The maximum number of invalid fields in a response, which bounds its size. The response counts the rest as
    /// `more_errors`.
    public static let maximumErrors = 20

    /// 422: the input is well-formed but breaks rules. Lists the first ``maximumErrors`` errors.
    /// - Parameter moreErrors: the number of errors that `errors` omits.
    public static func invalid(_ errors: [FieldError], moreErrors: Int = 0) -> Problem {
        let total = errors.count + moreErrors
        var detail = total == 1 ? "1 field is invalid." : "\(total) fields are invalid."
        if total > maximumErrors { detail += " The first \(maximumErrors) are listed." }
        let listed = Array(errors.prefix(maximumErrors))
        var problem = Problem(status: 422, detail: detail, code: "invalid", errors: listed)
        problem.moreErrors = total - listed.count
        return problem
    }

    /// 422 for one field of the body.
    public static func invalid(field: String, _ message: String, code: String, params: [String: String] = [:])
        -> Problem
    {
        invalid([FieldError(loc: ["body", field], message: message, code: code, params: params)])
    }

    /// 500 without any detail, on purpose. The log has the cause under the request id.
    public static let `internal` = Problem(status: 500, detail: "Internal error.", code: "internal")

    /// 503 with `Retry-After`: a dependency of this service is temporarily unavailable.
    public static func unavailable(_ detail: String) -> Problem {
        Problem(status: 503, detail: detail, code: "unavailable", headers: [("Retry-After", "1")])
    }
}

extension Problem {
    /// The response body.
    /// - Parameters:
    ///   - instance: the path of the request.
    ///   - requestID: the id of the request in the log.
    public func json(instance: String?, requestID: String?) -> [UInt8] {
        var members: [(String, JSONValue)] = [
            ("type", "about:blank"), ("title", .string(title)), ("status", .number(String(status))),
        ]
        if let detail { members.append(("detail", .string(detail))) }
        if let code { members.append(("code", .string(code))) }
        if let instance { members.append(("instance", .string(instance))) }
        if let requestID { members.append(("request_id", .string(requestID))) }
        if !errors.isEmpty { members.append(("errors", .array(errors.map(\.json)))) }
        if moreErrors > 0 { members.append(("more_errors", .number(String(moreErrors)))) }
        return JSONValue.object(members).bytes
    }

    /// The reason phrase of RFC 9110 §15 (and RFC 6585).
    public static func reasonPhrase(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: status < 500 ? "Client Error" : "Server Error"
        }
    }
}

extension FieldError {
    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("loc", .array(loc.map { .string($0) })), ("message", .string(message)), ("code", .string(code)),
        ]
        if !params.isEmpty {
            members.append(("params", .object(params.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })))
        }
        return .object(members)
    }
}

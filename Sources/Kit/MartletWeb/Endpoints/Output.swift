public import MartletCore
public import MartletData

/// The output of an operation: a `Codable` value, sent as JSON with status 200, or one of the types below.
public protocol Output: Sendable {
    /// The status of a successful response.
    static var status: Int { get }
    /// The schema of the body; nil when there is none.
    static var schema: Schema? { get }
    /// The header fields specific to this output, such as `ETag` and `Location`.
    static var headerNames: [String] { get }
    func responseParts() throws -> ResponseParts
}

extension Output {
    public static var headerNames: [String] { Self.self is any Versioned.Type ? ["ETag"] : [] }
}

/// The description of an output in the OpenAPI document.
struct OutputDescription: Sendable {
    let status: Int
    let schema: Schema?
    let headers: [String]
}

/// A response, independent of the HTTP server.
public struct ResponseParts: Sendable {
    public var status: Int
    /// nil when there is none.
    public var body: [UInt8]?
    public var headers: [(name: String, value: String)]
    /// The strong validator of RFC 9110 §8.8.3, with its quotes.
    public var entityTag: String?
    /// The media type of the body. Default: `application/json`.
    public var contentType: String

    public init(
        status: Int, body: [UInt8]?, headers: [(name: String, value: String)] = [], entityTag: String? = nil,
        contentType: String = "application/json"
    ) {
        self.status = status
        self.body = body
        self.contentType = contentType
        self.headers = headers
        self.entityTag = entityTag
    }
}

extension Output where Self: Codable {
    public static var status: Int { 200 }
    public static var schema: Schema? { Schema.of(Self.self) }

    public func responseParts() throws -> ResponseParts {
        ResponseParts(
            status: Self.status, body: try JSONWriter.bytes(of: self), entityTag: (self as? any Versioned)?.entityTag)
    }
}

extension Page: Output {}

extension RowPage: Output {
    public static var status: Int { 200 }
    public static var schema: Schema? { Schema.of(Page<Row>.self) }

    public func responseParts() throws -> ResponseParts { ResponseParts(status: Self.status, body: try json()) }
}

/// 201 with the `Location` of the created resource.
public struct Created<Body: Output>: Output {
    let body: Body
    let location: String

    public init(_ body: Body, at location: String) {
        self.body = body
        self.location = location
    }

    public static var status: Int { 201 }
    public static var schema: Schema? { Body.schema }
    public static var headerNames: [String] { Body.headerNames + ["Location"] }

    public func responseParts() throws -> ResponseParts {
        var answer = try body.responseParts()
        answer.status = Self.status
        answer.headers.append(("Location", location))
        return answer
    }
}

/// 204.
public struct NoContent: Output {
    public init() {}

    public static var status: Int { 204 }
    public static var schema: Schema? { nil }

    public func responseParts() -> ResponseParts { ResponseParts(status: Self.status, body: nil) }
}

/// Any output with header fields of its own.
public struct WithHeaders<Body: Output>: Output {
    let body: Body
    let headers: [(name: String, value: String)]

    public init(_ body: Body, _ headers: [(name: String, value: String)]) {
        self.body = body
        self.headers = headers
    }

    public static var status: Int { Body.status }
    public static var schema: Schema? { Body.schema }
    public static var headerNames: [String] { Body.headerNames }

    public func responseParts() throws -> ResponseParts {
        var answer = try body.responseParts()
        answer.headers += headers
        return answer
    }
}

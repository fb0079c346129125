import MartletCore

/// The `components` of an OpenAPI document, collected while its operations are written.
struct Components {
    private(set) var schemas: [(String, JSONValue)] = []

    /// Adds a schema and returns a reference to it. If another schema has the name, a number is appended.
    mutating func reference(_ name: String, _ schema: JSONValue) -> JSONValue {
        var candidate = name
        var number = 2
        while let known = schemas.first(where: { $0.0 == candidate })?.1, known != schema {
            candidate = "\(name)\(number)"
            number += 1
        }
        if !schemas.contains(where: { $0.0 == candidate }) { schemas.append((candidate, schema)) }
        return ["$ref": .string("#/components/schemas/\(candidate)")]
    }

    /// The error responses that operations refer to, by name.
    mutating func responses() -> JSONValue {
        .object(
            ProblemResponse.allCases.map { response in
                let content: JSONValue = ["application/problem+json": ["schema": problem()]]
                var members: [(String, JSONValue)] = [
                    ("description", .string(response.description)), ("content", content),
                ]
                if !response.headers.isEmpty { members.append(("headers", Self.headers(response.headers))) }
                return (response.rawValue, .object(members))
            })
    }

    /// References to header fields.
    static func headers(_ names: [String]) -> JSONValue {
        .object(names.map { ($0, ["$ref": .string("#/components/headers/\($0)")]) })
    }

    /// The header fields that responses refer to.
    static let headers: JSONValue = [
        "ETag": [
            "description": "The version of the resource, for If-Match and If-None-Match (RFC 9110 §8.8.3).",
            "required": true, "schema": ["type": "string"],
        ],
        "Idempotent-Replayed": [
            "description": "`true` if this is the answer to an earlier request with the same Idempotency-Key.",
            "schema": ["type": "boolean"],
        ],
        "Location": [
            "description": "The URL of the created resource (RFC 9110 §10.2.2).", "required": true,
            "schema": ["type": "string", "format": "uri-reference"],
        ],
        "Retry-After": [
            "description": "The number of seconds to wait before a retry (RFC 9110 §10.2.3).",
            "schema": ["type": "integer", "minimum": 0],
        ],
        "WWW-Authenticate": [
            "description": "The authentication challenge (RFC 6750 §3).", "schema": ["type": "string"],
        ],
    ]

    private mutating func problem() -> JSONValue {
        let text: JSONValue = ["type": "string"]
        let count = JSONValue.number("\(Problem.maximumErrors)")
        return reference(
            "Problem",
            [
                "type": "object",
                "required": ["type", "title", "status"],
                "properties": [
                    "type": text, "title": text, "status": ["type": "integer"], "detail": text, "code": text,
                    "instance": text, "request_id": text,
                    "errors": [
                        "type": "array", "maxItems": count,
                        "items": [
                            "type": "object", "required": ["loc", "message", "code"],
                            "properties": [
                                "loc": ["type": "array", "items": text], "message": text, "code": text,
                                "params": ["type": "object", "additionalProperties": text],
                            ],
                        ],
                    ],
                    "more_errors": [
                        "type": "integer", "description": "The number of errors that are not listed.",
                    ],
                ],
            ])
    }
}

/// The error responses (RFC 9457) that operations refer to.
enum ProblemResponse: String, CaseIterable {
    case badRequest = "BadRequest"
    case unauthorized = "Unauthorized"
    case forbidden = "Forbidden"
    case notFound = "NotFound"
    case conflict = "Conflict"
    case preconditionFailed = "PreconditionFailed"
    case contentTooLarge = "ContentTooLarge"
    case unsupportedMediaType = "UnsupportedMediaType"
    case invalid = "Invalid"
    case tooManyRequests = "TooManyRequests"
    case unavailable = "Unavailable"
    case other = "Problem"

    /// The status code; `default` for any other.
    var status: String {
        switch self {
        case .badRequest: "400"
        case .unauthorized: "401"
        case .forbidden: "403"
        case .notFound: "404"
        case .conflict: "409"
        case .preconditionFailed: "412"
        case .contentTooLarge: "413"
        case .unsupportedMediaType: "415"
        case .invalid: "422"
        case .tooManyRequests: "429"
        case .unavailable: "503"
        case .other: "default"
        }
    }

    var description: String {
        switch self {
        case .badRequest: "The URL or the body is malformed."
        case .unauthorized: "The access token is missing, invalid or expired."
        case .forbidden: "The caller lacks the required permission."
        case .notFound: "The resource does not exist."
        case .conflict: "The request conflicts with the current state of the resource."
        case .preconditionFailed: "The resource is not the version named by If-Match."
        case .contentTooLarge: "The body is too long. JSON may have 1 MiB and 10,000 values."
        case .unsupportedMediaType: "The Content-Type of the body is not JSON."
        case .invalid: "The input breaks one or more rules. The first errors are listed."
        case .tooManyRequests: "Too many requests. Try again later."
        case .unavailable: "The service is temporarily unavailable. Try again later."
        case .other: "Any other error (RFC 9457)."
        }
    }

    var headers: [String] {
        switch self {
        case .unauthorized: ["WWW-Authenticate"]
        case .conflict, .tooManyRequests, .unavailable: ["Retry-After"]
        default: []
        }
    }
}

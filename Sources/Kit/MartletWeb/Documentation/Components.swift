import MartletCore

/// The parts of a document that it names and refers to.
struct Components {
    private(set) var schemas: [(String, JSONValue)] = []

    /// A reference to a schema under a name; under another one where the name stands for something else already.
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

    /// The answers that any operation may give, by name.
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

    /// The header fields that answers are described with.
    static let headers: JSONValue = [
        "ETag": [
            "description": "The version of the resource, for If-Match and If-None-Match (RFC 9110 §8.8.3).",
            "required": true, "schema": ["type": "string"],
        ],
        "Location": [
            "description": "Where what was made can be read (RFC 9110 §10.2.2).", "required": true,
            "schema": ["type": "string", "format": "uri-reference"],
        ],
        "Retry-After": [
            "description": "After how many seconds to try again (RFC 9110 §10.2.3).",
            "schema": ["type": "integer", "minimum": 0],
        ],
        "WWW-Authenticate": [
            "description": "How to sign in (RFC 6750 §3).", "schema": ["type": "string"],
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
                        "type": "integer", "description": "How many errors there are beside those listed.",
                    ],
                ],
            ])
    }
}

/// What can go wrong with a request (RFC 9457), as an answer that operations refer to.
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
        case .badRequest: "The request cannot be understood: a malformed URL or body."
        case .unauthorized: "Nobody is signed in, or the token is not valid (any more)."
        case .forbidden: "Who is signed in may not do this."
        case .notFound: "There is no such resource."
        case .conflict: "The change does not fit the present state."
        case .preconditionFailed: "The resource is not the version that If-Match names."
        case .contentTooLarge: "The body has more than 1 MiB, or more than 10,000 values."
        case .unsupportedMediaType: "The body is not declared as JSON."
        case .invalid: "The input breaks rules; the first broken ones are listed."
        case .tooManyRequests: "Too many requests; try again later."
        case .unavailable: "Something that is needed is away; try again later."
        case .other: "What went wrong (RFC 9457)."
        }
    }

    var headers: [String] {
        switch self {
        case .unauthorized: ["WWW-Authenticate"]
        case .tooManyRequests, .unavailable: ["Retry-After"]
        default: []
        }
    }
}

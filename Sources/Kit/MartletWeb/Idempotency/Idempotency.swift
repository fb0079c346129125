import HTTPTypes
import MartletCore

/// How a route treats `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
struct Idempotency: Sendable {
    static let name = "Idempotency-Key"
    /// The header field of an answer that comes from the store.
    static let replayed = "Idempotent-Replayed"
    /// The maximum length of a key, in bytes.
    static let maximumLength = 255

    let requiresKey: Bool

    /// - Parameter values: the values of the header field in the request.
    /// - Returns: the key; nil when there is none.
    /// - Throws: ``Problem`` 400 for a missing key, 422 for an invalid one.
    func key(in values: [String]) throws(Problem) -> String? {
        guard let key = values.first else {
            guard requiresKey else { return nil }
            throw .badRequest(
                "Send an Idempotency-Key, such as a UUID. Send the same one when you repeat the request.",
                code: "idempotency_key_required")
        }
        guard values.count == 1 else { throw Self.invalid("Must be given only once.", code: "duplicate_parameter") }
        guard (1...Self.maximumLength).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Self.invalid(
                "Must be 1 to \(Self.maximumLength) visible ASCII characters, without spaces.",
                code: "invalid_idempotency_key")
        }
        return key
    }

    private static func invalid(_ message: String, code: String) -> Problem {
        .invalid([FieldError(loc: ["header", name], message: message, code: code)])
    }
}

extension Route {
    /// Whether the route takes an `Idempotency-Key` but cannot.
    var misusesIdempotency: Bool {
        // The other methods are idempotent by themselves. On a public route a key would belong to nobody: anybody who
        // repeats it would get the answer.
        idempotency != nil && (method != .post || access == .public)
    }
}

extension Problem {
    /// Whether the same request would get the same answer again. False if the answer asks to try again later.
    var isFinal: Bool { status < 500 && ![408, 425, 429].contains(status) }
}

import MartletCore
import NIOCore

/// Collects the outcomes of the parts and builds the response. Performs no I/O.
struct AggregateResponse {
    /// The member that lists the missing parts.
    static let missing = "missing"

    enum Reason: Equatable, Sendable {
        case timeout
        /// The service responded with a status other than 2xx.
        case status(Int)
        /// No connection, or one that broke.
        case unavailable
        /// Not JSON, or not valid HTTP.
        case invalid
        case tooLarge

        fileprivate var json: String {
            switch self {
            case .timeout: #"{"reason":"timeout"}"#
            case .status(let status): #"{"reason":"status","status":\#(status)}"#
            case .unavailable: #"{"reason":"unavailable"}"#
            case .invalid: #"{"reason":"invalid"}"#
            case .tooLarge: #"{"reason":"too_large"}"#
            }
        }
    }

    enum Outcome {
        case json(ByteBuffer)
        case missing(Reason)
    }

    private struct Part {
        let name: String
        let isRequired: Bool
        var outcome: Outcome?
    }

    private var parts: [Part]
    private var pending: Int

    init(_ plan: AggregatePlan) {
        parts = plan.parts.map { Part(name: $0.name, isRequired: $0.isRequired) }
        pending = parts.count
    }

    /// Records the outcome of a part; only the first one counts.
    /// - Returns: the response once it is known: all parts have an outcome, or a required one failed.
    mutating func received(_ outcome: Outcome, for index: Int) -> Result<ByteBuffer, Problem>? {
        guard parts.indices.contains(index), parts[index].outcome == nil, pending > 0 else { return nil }
        parts[index].outcome = outcome
        pending -= 1
        if case .missing(let reason) = outcome, parts[index].isRequired {
            pending = 0
            return .failure(.partMissing(parts[index].name, reason))
        }
        guard pending == 0 else { return nil }
        let reasons = parts.compactMap { part in if case .missing(let reason) = part.outcome { reason } else { nil } }
        if reasons.count == parts.count {
            return .failure(reasons.allSatisfy { $0 == .timeout } ? .upstreamTimeout : .badGateway)
        }
        return .success(joined)
    }

    /// Parts are copied as received: they have been validated and are not re-encoded.
    private var joined: ByteBuffer {
        var out = ByteBuffer()
        var missing = ""
        for (index, part) in parts.enumerated() {
            out.writeString(index == 0 ? "{" : ",")
            out.writeString(Self.member(part.name))
            switch part.outcome {
            case .json(let body): out.writeImmutableBuffer(body)
            case .missing(let reason):
                out.writeStaticString("null")
                missing += (missing.isEmpty ? "" : ",") + Self.member(part.name) + reason.json
            case nil: out.writeStaticString("null")
            }
        }
        if !missing.isEmpty { out.writeString("," + Self.member(Self.missing) + "{\(missing)}") }
        out.writeStaticString("}")
        return out
    }

    private static func member(_ name: String) -> String {
        String(decoding: JSONValue.string(name).bytes, as: UTF8.self) + ":"
    }
}

extension Problem {
    /// The problem for a failed required part. Access and absence errors apply to the whole response as well.
    static func partMissing(_ name: String, _ reason: AggregateResponse.Reason) -> Problem {
        switch reason {
        case .timeout: return .upstreamTimeout
        case .status(401): return .credentialsMissing
        case .status(let status) where [403, 404, 410].contains(status):
            return Problem(status: status, detail: "The part '\(name)' is not available.", code: "part_missing")
        case .status, .unavailable, .invalid, .tooLarge:
            return Problem(status: 502, detail: "The part '\(name)' is missing.", code: "bad_gateway")
        }
    }
}

import MartletCore
import NIOCore

/// What has become of the parts, and the answer that it makes. Pure.
struct AggregateResponse {
    /// The member that says what is not there.
    static let missing = "missing"

    enum Reason: Equatable, Sendable {
        case timeout
        /// The service answered with another status than 2xx.
        case status(Int)
        /// No connection, or one that ended.
        case unavailable
        /// Not JSON, or not HTTP.
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

    /// The first word about a part counts.
    /// - Returns: the answer, when that is known now: all is there, or nothing can be made of it any more.
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

    /// The parts as they came: they have been checked, and are not written anew.
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
    /// What a required part's failure makes of the whole. That something is not there, or not for this client, is true of
    /// the whole as well.
    static func partMissing(_ name: String, _ reason: AggregateResponse.Reason) -> Problem {
        switch reason {
        case .timeout: return .upstreamTimeout
        case .status(401): return .credentialsMissing
        case .status(let status) where [403, 404, 410].contains(status):
            return Problem(status: status, detail: "The part '\(name)' cannot be had.", code: "part_missing")
        case .status, .unavailable, .invalid, .tooLarge:
            return Problem(status: 502, detail: "The part '\(name)' is missing.", code: "bad_gateway")
        }
    }
}

import MartletCore
import NIOCore

/// The parts of a route's answer, ready to be asked for.
final class AggregatePlan: Sendable {
    struct Part: Sendable {
        let name: String
        let upstream: Int
        let path: PartPath
        let timeout: TimeAmount
        let isRequired: Bool
        let maximumBody: Int
    }

    let parts: [Part]
    /// What the parts' requests have beside what every request has.
    let rules: HeaderRules

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(
        _ aggregate: GatewayConfiguration.Aggregate, match: GatewayConfiguration.RouteRule.Match,
        upstreams: [String: Int]
    ) throws(GatewayError) {
        guard (1...GatewayConfiguration.Aggregate.maximumParts).contains(aggregate.parts.count),
            Set(aggregate.parts.map(\.name)).count == aggregate.parts.count
        else { throw .invalidConfiguration("routes: '\(match.path)' has no parts, too many, or one twice") }
        var parts: [Part] = []
        for part in aggregate.parts {
            guard let upstream = upstreams[part.upstream] else {
                throw .invalidConfiguration("routes: there is no upstream '\(part.upstream)'")
            }
            guard part.name != AggregateResponse.missing, let path = PartPath(part.path, of: match) else {
                throw .invalidConfiguration("routes: '\(match.path)' can have no part '\(part.name)' of '\(part.path)'")
            }
            parts.append(
                Part(
                    name: part.name, upstream: upstream, path: path, timeout: part.timeout,
                    isRequired: part.isRequired, maximumBody: part.maximumBody))
        }
        self.parts = parts
        // What the client wants of the whole says nothing about the parts: they are JSON, whole and as they are.
        var rules = HeaderRules()
        rules.removed = [
            "accept", "accept-encoding", "range", "if-range", "if-match", "if-none-match", "if-modified-since",
            "if-unmodified-since",
        ].map { Array($0.utf8) }
        rules.lines = Array("Accept: application/json\r\n".utf8)
        self.rules = rules
    }
}

/// The path of one part, with places for segments of the request's path.
struct PartPath: Sendable {
    private enum Piece: Sendable {
        case text([UInt8])
        case segment(Int)
    }

    private let pieces: [Piece]

    /// - Parameters:
    ///   - text: `/api/users/{id}`.
    ///   - match: of the route; its parameters may stand in the text.
    /// - Returns: nil for what is not such a path.
    init?(_ text: String, of match: GatewayConfiguration.RouteRule.Match) {
        guard text.hasPrefix("/"), !text.contains("//") else { return nil }
        let own = match.path.split(separator: "/")
        var pieces: [Piece] = []
        for segment in text.split(separator: "/") {
            if segment.hasPrefix("{"), segment.hasSuffix("}") {
                guard case .template = match, let index = own.firstIndex(of: segment) else { return nil }
                pieces += [.text([ASCII.slash]), .segment(index)]
            } else {
                guard !segment.contains("{"), !segment.contains("}"),
                    let path = try? RouteKey.normalForm("/" + segment)
                else { return nil }
                pieces.append(.text(path))
            }
        }
        if text.hasSuffix("/") { pieces.append(.text([ASCII.slash])) }
        self.pieces = pieces
    }

    /// - Parameter path: the request's, in its normal form, and so is what comes of it.
    func fill(_ path: UnsafeRawBufferPointer) -> [UInt8] {
        let segments = path.split(separator: ASCII.slash)
        var result: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .segment(let index): if segments.indices.contains(index) { result += segments[index] }
            }
        }
        return result
    }
}

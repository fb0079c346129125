import MartletCore
import NIOCore

/// A compiled ``GatewayConfiguration/Aggregate``.
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
    /// The edits common to the requests of all parts.
    let rules: HeaderRules

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(
        _ aggregate: GatewayConfiguration.Aggregate, match: GatewayConfiguration.RouteRule.Match,
        upstreams: [String: Int]
    ) throws(GatewayError) {
        guard (1...GatewayConfiguration.Aggregate.maximumParts).contains(aggregate.parts.count),
            Set(aggregate.parts.map(\.name)).count == aggregate.parts.count
        else { throw .invalidConfiguration("routes: '\(match.path)' needs 1 to 16 distinct parts") }
        var parts: [Part] = []
        for part in aggregate.parts {
            guard let upstream = upstreams[part.upstream] else {
                throw .invalidConfiguration("routes: there is no upstream '\(part.upstream)'")
            }
            guard part.name != AggregateResponse.missing, let path = PartPath(part.path, of: match) else {
                throw .invalidConfiguration("routes: '\(match.path)' has an invalid part '\(part.name)': \(part.path)")
            }
            parts.append(
                Part(
                    name: part.name, upstream: upstream, path: path, timeout: part.timeout,
                    isRequired: part.isRequired, maximumBody: part.maximumBody))
        }
        self.parts = parts
        // The client's preferences apply to the whole response. Parts are always requested whole, as uncoded JSON.
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
    ///   - text: a path such as `/api/users/{id}`.
    ///   - match: the route's match, whose parameters may be used.
    /// - Returns: nil for an invalid path.
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

    /// - Parameter path: the normalized path of the request; the result is normalized too.
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

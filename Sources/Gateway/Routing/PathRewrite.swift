/// A compiled ``GatewayConfiguration/Rewrite``.
struct PathRewrite: Sendable {
    private let strip: [UInt8]
    private let add: [UInt8]

    /// - Returns: nil when there is nothing to rewrite.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for a path that is not normalized.
    init?(_ rewrite: GatewayConfiguration.Rewrite) throws(GatewayError) {
        if rewrite.stripPrefix == nil, rewrite.addPrefix == nil { return nil }
        strip = try rewrite.stripPrefix.map(RouteKey.normalForm) ?? []
        add = try rewrite.addPrefix.map(RouteKey.normalForm) ?? []
    }

    /// The prefix that is removed from a path; nil when none is.
    func stripped(_ path: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !strip.isEmpty, path.starts(with: strip), path.count == strip.count || path[strip.count] == ASCII.slash
        else { return nil }
        return strip
    }

    /// - Parameter path: a normalized path.
    /// - Returns: the normalized path to send upstream.
    func apply(_ path: UnsafeRawBufferPointer) -> [UInt8] {
        var rest = path[...]
        if path.starts(with: strip), path.count == strip.count || path[strip.count] == ASCII.slash {
            rest = rest.dropFirst(strip.count)
        }
        let result = add + rest
        return result.isEmpty ? [ASCII.slash] : result
    }
}

/// A ``GatewayConfiguration/Rewrite`` that is ready to be done.
struct PathRewrite: Sendable {
    private let strip: [UInt8]
    private let add: [UInt8]

    /// - Returns: nil when nothing is to be rewritten.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for a path that is not in its normal form.
    init?(_ rewrite: GatewayConfiguration.Rewrite) throws(GatewayError) {
        if rewrite == GatewayConfiguration.Rewrite() { return nil }
        strip = try rewrite.stripPrefix.map(RouteKey.normalForm) ?? []
        add = try rewrite.addPrefix.map(RouteKey.normalForm) ?? []
    }

    /// - Parameter path: in its normal form.
    /// - Returns: what is sent upstream, in its normal form too.
    func apply(_ path: UnsafeRawBufferPointer) -> [UInt8] {
        var rest = path[...]
        if path.starts(with: strip), path.count == strip.count || path[strip.count] == ASCII.slash {
            rest = rest.dropFirst(strip.count)
        }
        let result = add + rest
        return result.isEmpty ? [ASCII.slash] : result
    }
}

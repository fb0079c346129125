/// A ``GatewayConfiguration/Rewrite`` that is ready to be done.
struct PathRewrite: Sendable {
    private let strip: [UInt8]
    private let add: [UInt8]

    /// - Returns: nil when nothing is to be rewritten.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for a path that is not in its normal form.
    init?(_ rewrite: GatewayConfiguration.Rewrite) throws(GatewayError) {
        if rewrite.stripPrefix == nil, rewrite.addPrefix == nil { return nil }
        strip = try rewrite.stripPrefix.map(RouteKey.normalForm) ?? []
        add = try rewrite.addPrefix.map(RouteKey.normalForm) ?? []
    }

    /// What is taken off the front of a path; nil when nothing is.
    func stripped(_ path: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !strip.isEmpty, path.starts(with: strip), path.count == strip.count || path[strip.count] == ASCII.slash
        else { return nil }
        return strip
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

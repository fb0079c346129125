/// The position of a route in the table.
struct RouteKey: Sendable {
    /// The normalized path without a trailing slash; empty for the root. For a template, the part before its first
    /// parameter.
    let path: [UInt8]
    let isPrefix: Bool
    /// The rest of a template.
    let pattern: PathPattern?
    /// How specific the route is beyond its path. More specific routes are tried first.
    let demands: Int

    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for a path that can never match.
    init(_ route: GatewayConfiguration.RouteRule) throws(GatewayError) {
        try self.init(
            route.match,
            demands: route.headers.count * 4 + (route.hosts.isEmpty ? 0 : 2) + (route.methods.isEmpty ? 0 : 1))
    }

    /// All that the route matches on, as a text. Routes with the same identity match the same requests.
    func identity(of route: GatewayConfiguration.RouteRule) -> String {
        let path = String(decoding: path, as: UTF8.self)
        let template = if case .template(let template) = route.match { template } else { "" }
        let headers = route.headers.map { "\($0.key.lowercased())=\($0.value)" }.sorted()
        return "\(path) \(isPrefix) \(template) \(route.hosts.sorted()) \(route.methods.sorted()) \(headers)"
    }

    init(_ match: GatewayConfiguration.RouteRule.Match, demands: Int = 0) throws(GatewayError) {
        switch match {
        case .exact(let path):
            self.path = try Self.normalForm(path)
            isPrefix = false
            pattern = nil
            self.demands = demands
        case .prefix(let path):
            self.path = try Self.normalForm(path)
            isPrefix = true
            pattern = nil
            self.demands = demands
        case .template(let path):
            guard let brace = path.firstIndex(of: "{"), path[..<brace].last == "/" else {
                throw .invalidConfiguration("routes: '\(path)' has no parameter that is a whole segment")
            }
            self.path = try Self.normalForm(String(path[..<brace]))
            isPrefix = true
            let pattern = try PathPattern(String(path[brace...]), of: path)
            self.pattern = pattern
            // A template is more specific than a prefix, and more so with each literal segment.
            self.demands = demands + 1000 * (1 + pattern.literalCount)
        }
    }

    /// The key as ``LenientTable`` reads it.
    var lenient: RouteKey {
        RouteKey(
            path: LenientTable.reading(of: path), isPrefix: isPrefix, pattern: pattern?.lenient, demands: demands)
    }

    private init(path: [UInt8], isPrefix: Bool, pattern: PathPattern?, demands: Int) {
        self.path = path
        self.isPrefix = isPrefix
        self.pattern = pattern
        self.demands = demands
    }

    static func normalForm(_ path: String) throws(GatewayError) -> [UInt8] {
        let bytes = Array(path.utf8)
        let isValid = bytes.withUnsafeBytes { raw in
            guard raw.first == ASCII.slash,
                let target = try? RequestTarget(raw, ByteRange(0, raw.count), method: .get)
            else { return false }
            return target.rewrittenPath.map { $0 == bytes } ?? true && target.query.isEmpty
        }
        guard isValid else { throw .invalidConfiguration("routes: '\(path)' is not a normalized path") }
        return bytes.last == ASCII.slash ? bytes.dropLast() : bytes
    }
}

/// The segments of a template from its first parameter on.
struct PathPattern: Sendable {
    private enum Segment: Sendable {
        case parameter
        case literal([UInt8])
    }

    private let segments: [Segment]

    fileprivate init(_ text: String, of path: String) throws(GatewayError) {
        var segments: [Segment] = []
        for part in text.split(separator: "/") {
            if part.hasPrefix("{"), part.hasSuffix("}"), part.count > 2, !part.dropFirst().dropLast().contains("{") {
                segments.append(.parameter)
            } else if part.contains("{") || part.contains("}") {
                throw .invalidConfiguration("routes: a parameter of '\(path)' is not a whole segment")
            } else {
                segments.append(.literal(Array(try RouteKey.normalForm("/" + part).dropFirst())))
            }
        }
        self.segments = segments
    }

    private init(segments: [Segment]) { self.segments = segments }

    fileprivate var lenient: PathPattern {
        PathPattern(
            segments: segments.map { segment in
                if case .literal(let bytes) = segment { .literal(LenientTable.reading(of: bytes)) } else { segment }
            })
    }

    var literalCount: Int {
        segments.count { segment in if case .literal = segment { true } else { false } }
    }

    /// - Parameter path: the full path.
    /// - Parameter start: the end of the part before the first parameter.
    func matches(_ path: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var index = start
        for segment in segments {
            guard index < path.count, path[index] == ASCII.slash else { return false }
            index += 1
            let first = index
            while index < path.count, path[index] != ASCII.slash { index += 1 }
            guard index > first else { return false }
            if case .literal(let bytes) = segment, !path[first..<index].elementsEqual(bytes) { return false }
        }
        return index == path.count || (index == path.count - 1 && path[index] == ASCII.slash)
    }
}

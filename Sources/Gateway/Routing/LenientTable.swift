/// The routes as read by servers that ignore case or strip path parameters (`/ADMIN`, `/admin;x`).
///
/// Such a server may take a path for that of a route with access control, although the gateway matched it to a less
/// restricted route. Those requests must not reach it.
struct LenientTable: Sendable {
    private let table: RouteTable
    private let predicates: [RoutePredicate?]
    private let isGuarded: [Bool]
    /// The paths as read leniently. Routes that only case or parameters tell apart are the operator's decision.
    private let readings: [[UInt8]]
    /// Whether a path that reads the same leniently may still be another route's.
    private let hasSpellings: Bool

    /// - Parameter keys: the keys of the routes.
    /// - Returns: nil when no route restricts access.
    init?(_ routes: [GatewayConfiguration.RouteRule], _ keys: [RouteKey]) {
        isGuarded = routes.map { $0.policies.authentication != nil || $0.policies.addresses != nil }
        guard isGuarded.contains(true) else { return nil }
        let lenient = keys.prefix(routes.count).map(\.lenient)
        table = RouteTable(lenient)
        predicates = zip(routes, lenient).map { RoutePredicate($0, key: $1) }
        readings = routes.map { Self.reading(of: $0.match.path.utf8) }
        hasSpellings = zip(routes, readings).contains { !$0.match.path.utf8.elementsEqual($1) }
    }

    /// Whether a lenient server would read the request as that of another route, one with access control.
    func matchesGuardedRoute(_ request: RequestView, otherThan route: Int) -> Bool {
        if request.target.hasEncodedSlash {
            // A server that decodes slashes first may read the path as another route's.
            let decoded = Self.withSlashes(request.path)
            if matchesGuardedRoute(request, Self.reading(of: decoded), otherThan: route) { return true }
        }
        guard hasSpellings || request.path.contains(where: { $0 == ASCII.semicolon || ASCII.lowercased($0) != $0 })
        else { return false }
        return matchesGuardedRoute(request, Self.reading(of: request.path), otherThan: route)
    }

    private func matchesGuardedRoute(_ request: RequestView, _ reading: [UInt8], otherThan route: Int) -> Bool {
        reading.withUnsafeBytes { path in
            let request = RequestView(request, path: path)
            let found = table.match(path) { predicates[$0]?.check(request) ?? .accepted == .accepted }
            guard let found, found != route, isGuarded[found] else { return false }
            return readings[found] != readings[route]
        }
    }

    /// A path after `%2F` is decoded.
    static func withSlashes(_ path: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in path {
            result.append(byte)
            guard byte == 0x46, result.suffix(3).elementsEqual("%2F".utf8) else { continue }
            result.removeLast(3)
            result.append(ASCII.slash)
        }
        return result
    }

    /// A path in lower case, with the parameters of its segments removed.
    static func reading(of path: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var isParameter = false
        for byte in path {
            if byte == ASCII.slash { isParameter = false } else if byte == ASCII.semicolon { isParameter = true }
            if !isParameter { result.append(ASCII.lowercased(byte)) }
        }
        return result
    }
}

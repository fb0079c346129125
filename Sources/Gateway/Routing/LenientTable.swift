/// The routes as servers read paths that do not tell cases apart or cut parameters off (`/ADMIN`, `/admin;x`).
///
/// What such a server takes for the path of a route that asks who is there must not reach it by a route that asks for
/// less.
struct LenientTable: Sendable {
    private let table: RouteTable
    private let predicates: [RoutePredicate?]
    private let isGuarded: [Bool]
    /// The same for routes that only case or parameters tell apart: there the operator has decided.
    private let readings: [[UInt8]]
    /// Whether a path that is its own reading may be another route's, too.
    private let hasSpellings: Bool

    /// - Parameter keys: those of the routes.
    /// - Returns: nil when no route asks who is there.
    init?(_ routes: [GatewayConfiguration.RouteRule], _ keys: [RouteKey]) {
        isGuarded = routes.map { $0.policies.authentication != nil || $0.policies.addresses != nil }
        guard isGuarded.contains(true) else { return nil }
        let lenient = keys.prefix(routes.count).map(\.lenient)
        table = RouteTable(lenient)
        predicates = zip(routes, lenient).map { RoutePredicate($0, key: $1) }
        readings = routes.map { Self.reading(of: $0.match.path.utf8) }
        hasSpellings = zip(routes, readings).contains { !$0.match.path.utf8.elementsEqual($1) }
    }

    /// Whether the request, which a route was found for, is another route's to a lenient server, and that one guarded.
    func leadsElsewhere(_ request: RequestView, than route: Int) -> Bool {
        if request.target.hasEncodedSlash {
            // A server that takes an encoded slash for one may read the path as another route's.
            let decoded = Self.withSlashes(request.path)
            if leadsElsewhere(request, Self.reading(of: decoded), than: route) { return true }
        }
        guard hasSpellings || request.path.contains(where: { $0 == ASCII.semicolon || ASCII.lowercased($0) != $0 })
        else { return false }
        return leadsElsewhere(request, Self.reading(of: request.path), than: route)
    }

    private func leadsElsewhere(_ request: RequestView, _ reading: [UInt8], than route: Int) -> Bool {
        reading.withUnsafeBytes { path in
            let request = RequestView(request, path: path)
            let found = table.match(path) { predicates[$0]?.check(request) ?? .accepted == .accepted }
            guard let found, found != route, isGuarded[found] else { return false }
            return readings[found] != readings[route]
        }
    }

    /// A path as a server sees it that decodes slashes first.
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

    /// A path in lower case, its segments without parameters.
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

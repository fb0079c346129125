/// The conditions of a route beyond its path. Most routes have none.
struct RoutePredicate: Sendable {
    private enum Host: Sendable {
        case exact([UInt8])
        /// Any name that ends with this, such as `.example.org`.
        case suffix([UInt8])
    }

    private let hosts: [Host]
    private let methods: [[UInt8]]
    private let headers: [(name: [UInt8], value: [UInt8])]
    private let pattern: PathPattern?
    private let patternStart: Int

    /// - Returns: nil when the route accepts every request.
    init?(_ route: GatewayConfiguration.RouteRule, key: RouteKey) {
        if route.hosts.isEmpty, route.methods.isEmpty, route.headers.isEmpty, key.pattern == nil { return nil }
        hosts = route.hosts.map { host in
            var host = host.lowercased()
            if host.hasSuffix(".") { host.removeLast() }
            return host.hasPrefix("*.") ? .suffix(Array(host.dropFirst().utf8)) : .exact(Array(host.utf8))
        }
        methods = route.methods.map { Array($0.utf8) }
        headers = route.headers.map { (Array($0.key.lowercased().utf8), Array($0.value.utf8)) }
        pattern = key.pattern
        patternStart = key.path.count
    }

    enum Outcome { case accepted, otherMethod, refused }

    func check(_ request: RequestView) -> Outcome {
        if let pattern, !pattern.matches(request.path, from: patternStart) { return .refused }
        if !hosts.isEmpty {
            let asked = request.host
            let isAccepted = hosts.contains { host in
                switch host {
                case .exact(let name): asked.equalsIgnoringCase(name)
                case .suffix(let suffix):
                    asked.count > suffix.count
                        && UnsafeRawBufferPointer(rebasing: asked.suffix(suffix.count)).equalsIgnoringCase(suffix)
                }
            }
            guard isAccepted else { return .refused }
        }
        for (name, value) in headers {
            guard let sent = request.header(name), sent.elementsEqual(value) else { return .refused }
        }
        guard methods.isEmpty || accepts(request.bytes.slice(request.head.methodRange)) else { return .otherMethod }
        return .accepted
    }

    /// A route that accepts GET also accepts HEAD.
    private func accepts(_ method: UnsafeRawBufferPointer) -> Bool {
        methods.contains { allowed in
            method.elementsEqual(allowed)
                || (allowed.elementsEqual("GET".utf8) && method.elementsEqual("HEAD".utf8))
        }
    }
}

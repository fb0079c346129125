/// The nodes of a file's upstreams and routes, to report errors at their place. Each is checked by itself, since an
/// error in one says nothing about the others.
struct GatewayFilePlaces {
    /// - isRight: whether no error has been reported for it yet.
    var upstreams: [(node: ConfigNode, upstream: GatewayConfiguration.Upstream, isRight: Bool)] = []
    var routes: [(node: ConfigNode, route: GatewayConfiguration.RouteRule, isRight: Bool)] = []
    /// All upstreams that routes may name, including invalid ones.
    var upstreamNames: Set<String> = []
    /// Whether the file has a `redis` section, valid or not.
    var hasRedis = false
    var tls: ConfigNode?
    /// The policies of the platform's own routes.
    var platform: (node: ConfigNode, policies: GatewayConfiguration.Policies)?

    /// Reports what cannot be used.
    /// - Parameters:
    ///   - configuration: the configuration with the file's content added.
    ///   - base: the configuration without the file.
    func check(
        _ configuration: GatewayConfiguration, over base: GatewayConfiguration, _ resources: PolicyResources
    ) {
        let taken = Set(base.upstreams.map(\.name))
        for (node, upstream, isRight) in upstreams {
            if taken.contains(upstream.name) { node.fail("the platform already has an upstream of this name") }
            if isRight, let tls = upstream.tls {
                let place = node.member("tls") ?? node
                let files = [
                    ("ca", tls.authorityPath), ("certificate", tls.certificate?.chainPath),
                    ("key", tls.certificate?.keyPath),
                ]
                let areThere = files.map { key, path in
                    path.map { (place.member(key) ?? place).verifyFile($0) } ?? true
                }
                guard !areThere.contains(false) else { continue }
                place.verify { () throws(GatewayError) in
                    _ = try UpstreamTLSContext(tls, of: upstream.name)
                }
            }
        }
        checkCertificates(configuration.tls)
        checkTwins(base)
        let secured = Set(configuration.upstreams.filter { $0.tls != nil }.map(\.name))
        var numbers: [String: Int] = [:]
        for name in upstreamNames { numbers[name] = numbers.count }
        if let platform, !hasRedis, platform.policies.rateLimits.contains(where: \.isShared) {
            (platform.node.member("rate_limit") ?? platform.node).fail("has a shared limit, which needs redis")
        }
        for (node, route, isRight) in routes {
            if !hasRedis, route.policies.rateLimits.contains(where: \.isShared) {
                (node.member("rate_limit") ?? node).fail("has a shared limit, which needs redis")
            }
            if case .grpc(let grpc) = route.action, secured.contains(grpc.upstream) {
                (node.member("grpc") ?? node).fail("'\(grpc.upstream)' must not use TLS: gRPC is clear text only")
            }
            guard isRight else { continue }
            // Policies and matches were checked when they were read. This checks the action.
            let action = ["files", "grpc", "aggregate", "split", "redirect", "respond"].lazy.compactMap(node.member)
                .first
            (action ?? node).verify { () throws(GatewayError) in
                _ = try GatewaySettings.CompiledRoute(
                    route, key: try RouteKey(route), label: resources.labels.label(""), upstreams: numbers,
                    limits: configuration.limits, resources: resources)
            }
        }
    }

    /// Reports routes that match exactly the same requests.
    private func checkTwins(_ base: GatewayConfiguration) {
        func identity(_ route: GatewayConfiguration.RouteRule) -> String? {
            (try? RouteKey(route))?.identity(of: route)
        }
        let local = Set(base.localRoutes.keys).union(base.localActions.keys)
        let platform = Set(
            (base.routes + local.map { .init(.exact($0), action: .proxy([])) }).compactMap(identity))
        var seen: [String: ConfigNode] = [:]
        for (node, route, _) in routes {
            guard let identity = identity(route) else { continue }
            let place = node.member("path") ?? node.member("prefix") ?? node
            if platform.contains(identity) {
                place.fail("'\(route.match.path)' is already a route of the platform")
            } else if let twin = seen[identity] {
                place.fail("'\(route.match.path)' is a duplicate of \(twin.path)")
            } else {
                seen[identity] = node
            }
        }
    }

    private func checkCertificates(_ tls: GatewayConfiguration.TLS?) {
        let nodes = self.tls?.member("certificates")?.elements ?? []
        // The counts differ when a certificate was invalid, which is already reported.
        guard let certificates = tls?.certificates, certificates.count == nodes.count else { return }
        for (node, certificate) in zip(nodes, certificates) {
            let files = [("certificate", certificate.chainPath), ("key", certificate.keyPath)]
            let areThere = files.map { key, path in (node.member(key) ?? node).verifyFile(path) }
            guard !areThere.contains(false) else { continue }
            node.verify { () throws(GatewayError) in _ = try TLSListener(.init(certificates: [certificate])) }
        }
    }
}

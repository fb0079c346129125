import NIOSSL

/// The TLS 1.2 cipher suites: forward secret and authenticated (RFC 9325 §4.2, RFC 9113 appendix A). All TLS 1.3 suites
/// are.
///
/// The TLS library follows the client's preference among the suites it is given. So it is given only the one that the
/// gateway prefers among the client's.
enum CipherSuites {
    struct Choice: Equatable, Sendable {
        let suites: [NIOTLSCipher]
        /// Whether HTTP/2 permits it.
        let allowsHTTP2: Bool
    }

    /// In the gateway's order of preference; for RSA and for other certificate keys.
    private static let preferred: [(rsa: NIOTLSCipher, ecdsa: NIOTLSCipher)] = [
        (.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        (.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        (.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ]

    /// All suites in general use.
    static let modern = Choice(suites: preferred.flatMap { [$0.rsa, $0.ecdsa] }, allowsHTTP2: true)

    /// Weaker suites for old clients, where enabled.
    static let older = Choice(
        suites: [
            .TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, .TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
            .TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, .TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
            .TLS_RSA_WITH_AES_128_GCM_SHA256, .TLS_RSA_WITH_AES_256_GCM_SHA384, .TLS_RSA_WITH_AES_128_CBC_SHA,
            .TLS_RSA_WITH_AES_256_CBC_SHA,
        ], allowsHTTP2: false)

    static func choices(allowsOlder: Bool) -> [Choice] {
        [modern] + preferred.map { Choice(suites: [$0.rsa, $0.ecdsa], allowsHTTP2: true) }
            + (allowsOlder ? [older] : [])
    }

    /// - Parameter isRSA: whether the certificate's key is an RSA key.
    static func choice(for hello: ClientHello, isRSA: Bool, allowsOlder: Bool) -> Choice {
        guard !hello.offersVersion13 else { return modern }
        for suites in preferred where hello.suites.contains((isRSA ? suites.rsa : suites.ecdsa).rawValue) {
            return Choice(suites: [suites.rsa, suites.ecdsa], allowsHTTP2: true)
        }
        return allowsOlder ? older : modern
    }
}

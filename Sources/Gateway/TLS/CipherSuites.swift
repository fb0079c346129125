import NIOSSL

/// The suites of TLS 1.2 that are spoken: forward secret and authenticated (RFC 9325 §4.2, RFC 9113 appendix A). Those of
/// TLS 1.3 all are.
///
/// The TLS library takes the client's favourite among those that it is given, so it is given the one that the gateway
/// prefers among those that the client has.
enum CipherSuites {
    struct Choice: Equatable, Sendable {
        let suites: [NIOTLSCipher]
        /// Whether HTTP/2 may be spoken with it.
        let allowsHTTP2: Bool
    }

    /// What the gateway prefers comes first; each for certificates with an RSA key and with another.
    private static let preferred: [(rsa: NIOTLSCipher, ecdsa: NIOTLSCipher)] = [
        (.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        (.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        (.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ]

    /// Everything that is spoken with everybody.
    static let modern = Choice(suites: preferred.flatMap { [$0.rsa, $0.ecdsa] }, allowsHTTP2: true)

    /// For clients that know nothing better, where that is wanted.
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

    /// - Parameter isRSA: whether the certificate's key is.
    static func choice(for hello: ClientHello, isRSA: Bool, allowsOlder: Bool) -> Choice {
        guard !hello.offersVersion13 else { return modern }
        for suites in preferred where hello.suites.contains((isRSA ? suites.rsa : suites.ecdsa).rawValue) {
            return Choice(suites: [suites.rsa, suites.ecdsa], allowsHTTP2: true)
        }
        return allowsOlder ? older : modern
    }
}

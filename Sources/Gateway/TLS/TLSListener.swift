import MartletSystem
import NIOCore
import NIOSSL
import Synchronization

extension GatewayConfiguration {
    /// TLS on the gateway's listener: 1.2 (RFC 5246) and 1.3 (RFC 8446).
    package struct TLS: Sendable, Equatable {
        /// A certificate and its key, as PEM files.
        package struct Certificate: Sendable, Equatable {
            /// The server's certificate, followed by the intermediate ones.
            package var chainPath: String
            package var keyPath: String
            /// The server names (RFC 6066 §3) that it is used for, such as `api.example.org` or `*.example.org`. The
            /// first certificate serves all other names.
            package var names: [String]

            package init(chainPath: String, keyPath: String, names: [String] = []) {
                self.chainPath = chainPath
                self.keyPath = keyPath
                self.names = names
            }
        }

        package var certificates: [Certificate]
        /// Whether to require TLS 1.3. Default: false.
        package var onlyVersion13 = false
        /// Whether to accept TLS 1.2 clients without a forward-secret suite and authenticated encryption (RFC 9325
        /// §4.2), over HTTP/1.1 only. Default: false.
        package var allowsOlderClients = false
        /// Redirects plain HTTP to HTTPS; nil does not.
        package var redirect: HTTPSRedirect?

        package init(certificates: [Certificate]) { self.certificates = certificates }
    }
}

/// The certificates in force. They can be replaced at run time; later handshakes use the new ones.
final class TLSListener: Sendable {
    private final class Identities: Sendable {
        private let current: Mutex<[TLSIdentity]>
        init(_ identities: [TLSIdentity]) { current = Mutex(identities) }

        var all: [TLSIdentity] { current.withLock { $0 } }

        func replace(_ identities: [TLSIdentity]) { current.withLock { $0 = identities } }

        /// The certificate for a server name: an exact match, a wildcard match, or the first one.
        func identity(for name: String?) -> TLSIdentity? {
            let identities = all
            guard let name = name?.lowercased() else { return identities.first }
            let parent = name.firstIndex(of: ".").map { "*" + name[$0...] }
            return identities.first { $0.names.contains(name) }
                ?? identities.first { identity in parent.map(identity.names.contains) ?? false } ?? identities.first
        }
    }

    private let identities: Identities
    /// One context per choice of suites, the default first.
    private let contexts: [(choice: CipherSuites.Choice, context: NIOSSLContext)]
    private let fallback: NIOSSLContext
    private let allowsOlder: Bool
    private let speaksHTTP2: Bool
    private let clock: @Sendable () -> Int

    /// - Parameters:
    ///   - speaksHTTP2: whether to offer HTTP/2 with ALPN (RFC 7301).
    ///   - clock: returns the time in seconds since 1970.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` naming the file.
    init(
        _ configuration: GatewayConfiguration.TLS, speaksHTTP2: Bool = true,
        clock: @escaping @Sendable () -> Int = { Int(time(nil)) }
    ) throws(GatewayError) {
        let loaded = try Self.load(configuration)
        guard let first = loaded.first else { throw .invalidConfiguration("tls: needs a certificate") }
        let identities = Identities(loaded)
        self.identities = identities
        self.clock = clock
        self.speaksHTTP2 = speaksHTTP2
        allowsOlder = configuration.allowsOlderClients && !configuration.onlyVersion13
        var contexts: [(CipherSuites.Choice, NIOSSLContext)] = []
        do {
            for choice in CipherSuites.choices(allowsOlder: allowsOlder) {
                var settings = first.settings
                settings.cipherSuiteValues = choice.suites
                if speaksHTTP2, choice.allowsHTTP2 { settings.applicationProtocols.insert("h2", at: 0) }
                if configuration.onlyVersion13 { settings.minimumTLSVersion = .tlsv13 }
                settings.sslContextCallback = { client, promise in
                    var change = NIOSSLContextConfigurationOverride()
                    if let identity = identities.identity(for: client.serverHostname) {
                        change.certificateChain = identity.chain.map { .certificate($0) }
                        change.privateKey = .privateKey(identity.key)
                    }
                    promise.succeed(change)
                }
                contexts.append((choice, try NIOSSLContext(configuration: settings)))
            }
        } catch {
            throw .invalidConfiguration("tls: \(error)")
        }
        guard let fallback = contexts.first?.1 else { throw .invalidConfiguration("tls: no cipher suites") }
        self.fallback = fallback
        self.contexts = contexts
    }

    /// Reads the files again. A certificate that is not valid now never replaces a valid one.
    /// - Returns: warnings about the certificates.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``; the certificates then stay unchanged.
    func reload(_ configuration: GatewayConfiguration.TLS) throws(GatewayError) -> [String] {
        let now = clock()
        let current = identities.all
        var warnings: [String] = []
        var next: [TLSIdentity] = []
        for identity in try Self.load(configuration) {
            guard let warning = identity.warning(at: now) else {
                next.append(identity)
                continue
            }
            let valid = current.first { $0.names == identity.names && $0.path == identity.path }
            if let valid, valid.warning(at: now) == nil {
                warnings.append("\(warning); the previous one stays in use")
                next.append(valid)
            } else {
                warnings.append(warning)
                next.append(identity)
            }
        }
        identities.replace(next)
        return warnings
    }

    /// Warnings about the certificates in force.
    func warnings() -> [String] {
        let now = clock()
        return identities.all.compactMap { $0.warning(at: now) }
    }

    /// Whether the gateway speaks an application protocol.
    func speaks(_ name: [UInt8]) -> Bool {
        name.elementsEqual("http/1.1".utf8) || speaksHTTP2 && name.elementsEqual("h2".utf8)
    }

    /// - Parameter hello: nil when it could not be parsed; the handshake will then fail.
    func makeHandler(for hello: ClientHello?) -> NIOSSLServerHandler {
        guard let hello else { return NIOSSLServerHandler(context: fallback) }
        let isRSA = identities.identity(for: hello.serverName)?.isRSA ?? false
        let choice = CipherSuites.choice(for: hello, isRSA: isRSA, allowsOlder: allowsOlder)
        return NIOSSLServerHandler(context: contexts.first { $0.choice == choice }?.context ?? fallback)
    }

    private static func load(_ configuration: GatewayConfiguration.TLS) throws(GatewayError) -> [TLSIdentity] {
        var identities: [TLSIdentity] = []
        for certificate in configuration.certificates { identities.append(try TLSIdentity(certificate)) }
        guard !identities.isEmpty else { throw .invalidConfiguration("tls: needs a certificate") }
        return identities
    }
}

import MartletSystem
import NIOCore
import NIOSSL
import Synchronization

extension GatewayConfiguration {
    /// TLS on the gateway's listener: 1.2 (RFC 5246) and 1.3 (RFC 8446).
    package struct TLS: Sendable, Equatable {
        /// A certificate with its key, as PEM files.
        package struct Certificate: Sendable, Equatable {
            /// The certificate and the intermediate ones, the server's first.
            package var chainPath: String
            package var keyPath: String
            /// The server names (RFC 6066 §3) that it is shown to: `api.example.org`, `*.example.org`. The first of all
            /// certificates is shown to everybody else.
            package var names: [String]

            package init(chainPath: String, keyPath: String, names: [String] = []) {
                self.chainPath = chainPath
                self.keyPath = keyPath
                self.names = names
            }
        }

        package var certificates: [Certificate]
        /// Whether TLS 1.3 is demanded.
        package var onlyVersion13 = false
        /// Whether clients of TLS 1.2 that have no forward-secret suite with authenticated encryption are served too
        /// (RFC 9325 §4.2), over HTTP/1.1 alone.
        package var allowsOlderClients = false
        /// Where clear text is sent to TLS; nowhere when nil.
        package var redirect: HTTPSRedirect?

        package init(certificates: [Certificate]) { self.certificates = certificates }
    }
}

/// The certificates in force, and what makes a connection's TLS of them. They can be exchanged while it serves:
/// handshakes that begin afterwards see the new ones.
final class TLSListener: Sendable {
    private final class Identities: Sendable {
        private let current: Mutex<[TLSIdentity]>
        init(_ identities: [TLSIdentity]) { current = Mutex(identities) }

        var all: [TLSIdentity] { current.withLock { $0 } }

        func replace(_ identities: [TLSIdentity]) { current.withLock { $0 = identities } }

        /// The certificate for a server name: by the whole name, by a wildcard for its first label, or the first.
        func identity(for name: String?) -> TLSIdentity? {
            let identities = all
            guard let name = name?.lowercased() else { return identities.first }
            let parent = name.firstIndex(of: ".").map { "*" + name[$0...] }
            return identities.first { $0.names.contains(name) }
                ?? identities.first { identity in parent.map(identity.names.contains) ?? false } ?? identities.first
        }
    }

    private let identities: Identities
    /// One for each choice of suites, the one for everybody first.
    private let contexts: [(choice: CipherSuites.Choice, context: NIOSSLContext)]
    private let fallback: NIOSSLContext
    private let allowsOlder: Bool
    private let speaksHTTP2: Bool
    private let clock: @Sendable () -> Int

    /// - Parameters:
    ///   - speaksHTTP2: whether ALPN (RFC 7301) offers it.
    ///   - clock: the time in seconds since 1970.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` that names the file.
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
        guard let fallback = contexts.first?.1 else { throw .invalidConfiguration("tls: has no suites") }
        self.fallback = fallback
        self.contexts = contexts
    }

    /// Reads the files again. A certificate that is not valid now does not replace one that is.
    /// - Returns: what is to be said about them.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``, and the certificates stay as they are.
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
                warnings.append("\(warning); the one before it stays in use")
                next.append(valid)
            } else {
                warnings.append(warning)
                next.append(identity)
            }
        }
        identities.replace(next)
        return warnings
    }

    /// What is to be said about the certificates in force.
    func warnings() -> [String] {
        let now = clock()
        return identities.all.compactMap { $0.warning(at: now) }
    }

    /// Whether an application protocol is one of the gateway's.
    func speaks(_ name: [UInt8]) -> Bool {
        name.elementsEqual("http/1.1".utf8) || speaksHTTP2 && name.elementsEqual("h2".utf8)
    }

    /// - Parameter hello: nil when it could not be read, and the handshake will fail.
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

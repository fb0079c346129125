import NIOCore
import NIOSSL
import Synchronization

extension GatewayConfiguration {
    /// TLS on the gateway's listener: 1.2 (RFC 5246) and 1.3 (RFC 8446).
    public struct TLS: Sendable, Equatable {
        /// A certificate with its key, as PEM files.
        public struct Certificate: Sendable, Equatable {
            /// The certificate and the intermediate ones, the server's first.
            public var chainPath: String
            public var keyPath: String
            /// The server names (RFC 6066 §3) that it is shown to: `api.example.org`, `*.example.org`. The first of all
            /// certificates is shown to everybody else.
            public var names: [String]

            public init(chainPath: String, keyPath: String, names: [String] = []) {
                self.chainPath = chainPath
                self.keyPath = keyPath
                self.names = names
            }
        }

        public var certificates: [Certificate]
        /// Whether TLS 1.3 is demanded.
        public var onlyVersion13 = false
        /// Where clear text is sent to TLS; nowhere when nil.
        public var redirect: HTTPSRedirect?

        public init(certificates: [Certificate]) { self.certificates = certificates }
    }
}

/// The certificates in force, and what makes a connection's TLS of them. They can be exchanged while it serves:
/// handshakes that begin afterwards see the new ones.
final class TLSListener: Sendable {
    private struct Identity: Sendable {
        let names: [String]
        let chain: [NIOSSLCertificateSource]
        let key: NIOSSLPrivateKey
    }

    private final class Identities: Sendable {
        private let current: Mutex<[Identity]>
        init(_ identities: [Identity]) { current = Mutex(identities) }

        func replace(_ identities: [Identity]) { current.withLock { $0 = identities } }

        /// The certificate for a server name: by the whole name, by a wildcard for its first label, or the first.
        func identity(for name: String?) -> Identity? {
            let identities = current.withLock { $0 }
            guard let name = name?.lowercased() else { return identities.first }
            let parent = name.firstIndex(of: ".").map { "*" + name[$0...] }
            return identities.first { $0.names.contains(name) }
                ?? identities.first { identity in parent.map(identity.names.contains) ?? false } ?? identities.first
        }
    }

    private let identities: Identities
    private let context: NIOSSLContext

    /// - Parameter speaksHTTP2: whether ALPN (RFC 7301) offers it.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` that names the file.
    init(_ configuration: GatewayConfiguration.TLS, speaksHTTP2: Bool = true) throws(GatewayError) {
        let loaded = try Self.load(configuration)
        guard let first = loaded.first else { throw .invalidConfiguration("tls: needs a certificate") }
        let identities = Identities(loaded)
        self.identities = identities
        var settings = Self.settings(first)
        if speaksHTTP2 { settings.applicationProtocols.insert("h2", at: 0) }
        if configuration.onlyVersion13 { settings.minimumTLSVersion = .tlsv13 }
        settings.sslContextCallback = { client, promise in
            var change = NIOSSLContextConfigurationOverride()
            if let identity = identities.identity(for: client.serverHostname) {
                change.certificateChain = identity.chain
                change.privateKey = .privateKey(identity.key)
            }
            promise.succeed(change)
        }
        do { context = try NIOSSLContext(configuration: settings) } catch {
            throw .invalidConfiguration("tls: \(error)")
        }
    }

    /// Reads the files again.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``, and the certificates stay as they are.
    func reload(_ configuration: GatewayConfiguration.TLS) throws(GatewayError) {
        identities.replace(try Self.load(configuration))
    }

    func makeHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: context) }

    private static func settings(_ identity: Identity) -> TLSConfiguration {
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain, privateKey: .privateKey(identity.key))
        settings.minimumTLSVersion = .tlsv12
        settings.applicationProtocols = ["http/1.1"]
        return settings
    }

    private static func load(_ configuration: GatewayConfiguration.TLS) throws(GatewayError) -> [Identity] {
        var identities: [Identity] = []
        for certificate in configuration.certificates {
            let identity: Identity
            do {
                let chain = try NIOSSLCertificate.fromPEMFile(certificate.chainPath)
                identity = Identity(
                    names: certificate.names.map { $0.lowercased() }, chain: chain.map { .certificate($0) },
                    key: try NIOSSLPrivateKey(file: certificate.keyPath, format: .pem))
            } catch {
                throw .invalidConfiguration(
                    "tls: '\(certificate.chainPath)' with '\(certificate.keyPath)' is no certificate with its key")
            }
            // Says now, and not in a handshake, that a key is another certificate's.
            guard (try? NIOSSLContext(configuration: settings(identity))) != nil else {
                throw .invalidConfiguration(
                    "tls: the key '\(certificate.keyPath)' does not belong to '\(certificate.chainPath)'")
            }
            identities.append(identity)
        }
        guard !identities.isEmpty else { throw .invalidConfiguration("tls: needs a certificate") }
        return identities
    }
}

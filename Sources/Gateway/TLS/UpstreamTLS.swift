import MartletCore
import NIOCore
import NIOPosix
import NIOSSL

extension GatewayConfiguration {
    /// TLS 1.2 and 1.3 to an upstream's endpoints. Certificates are always verified.
    package struct UpstreamTLS: Sendable, Equatable {
        /// A PEM file with the authorities to trust; nil means the system's.
        package var authorityPath: String?
        /// The client certificate, as PEM files.
        package var certificate: TLS.Certificate?
        /// The name to send and to verify; nil means the endpoint's host.
        package var serverName: String?

        package init() {}
    }
}

/// The TLS context of an upstream, loaded once per configuration.
final class UpstreamTLSContext: Sendable, Equatable {
    private let serverName: String?
    private let context: NIOSSLContext
    private let authorities: [NIOSSLCertificate]
    private let chain: [NIOSSLCertificate]
    private let key: NIOSSLPrivateKey?

    /// - Parameter upstream: the upstream's name, for errors.
    init(_ configuration: GatewayConfiguration.UpstreamTLS, of upstream: String) throws(GatewayError) {
        serverName = configuration.serverName
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.minimumTLSVersion = .tlsv12
        settings.certificateVerification = .fullVerification
        settings.applicationProtocols = ["http/1.1"]
        do {
            authorities = try configuration.authorityPath.map { try NIOSSLCertificate.fromPEMFile($0) } ?? []
        } catch {
            throw .invalidConfiguration(
                "upstreams: '\(upstream)': '\(configuration.authorityPath ?? "")' contains no certificates")
        }
        if configuration.authorityPath != nil { settings.trustRoots = .certificates(authorities) }
        do {
            chain = try configuration.certificate.map { try NIOSSLCertificate.fromPEMFile($0.chainPath) } ?? []
            key = try configuration.certificate.map { try NIOSSLPrivateKey(file: $0.keyPath, format: .pem) }
        } catch {
            throw .invalidConfiguration(
                "upstreams: '\(upstream)': '\(configuration.certificate?.chainPath ?? "")' with "
                    + "'\(configuration.certificate?.keyPath ?? "")' is not a certificate with its key")
        }
        settings.certificateChain = chain.map { .certificate($0) }
        settings.privateKey = key.map { .privateKey($0) }
        do { context = try NIOSSLContext(configuration: settings) } catch {
            throw .invalidConfiguration("upstreams: '\(upstream)': the key does not belong to the certificate")
        }
    }

    /// Whether the files have the same content.
    static func == (left: UpstreamTLSContext, right: UpstreamTLSContext) -> Bool {
        left.serverName == right.serverName && left.authorities == right.authorities && left.chain == right.chain
            && left.key == right.key
    }

    /// An address is not a server name (RFC 6066 §3); it is verified against the certificate's addresses instead.
    func makeHandler(for endpoint: Endpoint) throws -> NIOSSLClientHandler {
        var name = serverName
        if name == nil, case .tcp(let host, _) = endpoint, (try? SocketAddress(ipAddress: host, port: 0)) == nil {
            name = host
        }
        return try NIOSSLClientHandler(context: context, serverHostname: name)
    }

    /// Connects and adds TLS at the front of the pipeline.
    /// - Returns: a future that fails unless the handshake with a verified peer completes within `timeout`.
    func connect(
        _ bootstrap: ClientBootstrap, to endpoint: Endpoint, on eventLoop: any EventLoop, timeout: TimeAmount
    ) -> EventLoopFuture<any Channel> {
        let promise = eventLoop.makePromise(of: Void.self)
        let deadline = eventLoop.scheduleTask(in: timeout) {
            promise.fail(ChannelError.connectTimeout(timeout))
        }
        promise.futureResult.whenComplete { _ in deadline.cancel() }
        return endpoint.connect(bootstrap).flatMap { channel in
            do {
                let pipeline = channel.pipeline.syncOperations
                // The handshake starts when the handler finds the channel active.
                try pipeline.addHandler(TLSHandshakeHandler(promise), position: .first)
                try pipeline.addHandler(try self.makeHandler(for: endpoint), position: .first)
                channel.read()
            } catch {
                promise.fail(error)
            }
            return promise.futureResult.map { channel }.flatMapErrorThrowing { error in
                channel.close(promise: nil)
                throw error
            }
        }.flatMapErrorThrowing { error in
            // Without a connection, nothing else completes the promise.
            promise.fail(error)
            throw error
        }
    }
}

extension Endpoint {
    func connect(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        switch self {
        case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        }
    }
}

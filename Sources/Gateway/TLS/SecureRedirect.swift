import NIOCore

extension GatewayConfiguration {
    /// A second listener, in clear text, that sends clients to the one that speaks TLS.
    package struct HTTPSRedirect: Sendable, Equatable {
        /// What it listens on; a port of 0 lets the system choose.
        package var host: String
        package var port: Int
        /// Where clients reach TLS; the port that the gateway listens on when nil.
        package var securePort: Int?
        /// 301, 302, 307 or 308.
        package var status = 308

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }
}

/// What a connection in clear text gets: every request goes to the same host and path over TLS. Those of ACME (RFC 8555
/// §8.3), by which certificates are had in the first place, are answered.
struct SecureRedirect: Sendable {
    let status: Int
    /// `:8443`; empty for 443.
    private let port: [UInt8]

    init(_ configuration: GatewayConfiguration.HTTPSRedirect, listener: Int) {
        status = configuration.status
        let port = configuration.securePort ?? listener
        self.port = port == 443 ? [] : Array(":\(port)".utf8)
    }

    /// - Returns: the `Location` line; nil for a request that is answered here.
    func location(_ request: RequestView) -> [UInt8]? {
        if request.path.starts(with: Self.challenges) { return nil }
        var line = Array("Location: https://".utf8)
        line += request.host
        line += port
        line += request.target.isAsterisk ? [ASCII.slash][...] : Array(request.path)[...]
        line += request.bytes.slice(request.target.query)
        line += [ASCII.carriageReturn, ASCII.lineFeed]
        return line
    }

    private static let challenges = Array("/.well-known/acme-challenge/".utf8)
}

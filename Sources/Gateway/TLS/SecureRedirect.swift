import NIOCore

extension GatewayConfiguration {
    /// A second listener, for plain HTTP, that redirects to HTTPS.
    package struct HTTPSRedirect: Sendable, Equatable {
        /// The address to listen on. A port of 0 lets the system choose.
        package var host: String
        package var port: Int
        /// The port where clients reach HTTPS; nil means the gateway's own port.
        package var securePort: Int?
        /// 301, 302, 307 or 308. Default: 308.
        package var status = 308

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }
}

/// Redirects every plain-HTTP request to the same host and path over HTTPS, except ACME challenges (RFC 8555 §8.3),
/// which are needed to obtain certificates.
struct SecureRedirect: Sendable {
    let status: Int
    /// `:8443`; empty for 443.
    private let port: [UInt8]

    init(_ configuration: GatewayConfiguration.HTTPSRedirect, listener: Int) {
        status = configuration.status
        let port = configuration.securePort ?? listener
        self.port = port == 443 ? [] : Array(":\(port)".utf8)
    }

    /// - Returns: the `Location` line; nil for a request that is not redirected.
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

/// The address at which a server listens or is reached: a TCP address or a Unix socket.
public enum Endpoint: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// The reason a text is not an endpoint. `description` is one line and omits a password in the text.
    public struct ParseError: Error, CustomStringConvertible {
        public let description: String
    }

    /// Reads `http://host:port`, `host:port`, `[::1]:port`, `unix:/path`.
    /// - Throws: ``ParseError`` for any other text.
    public init(_ text: String) throws(ParseError) {
        let shown = text.withoutUserinfo
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            // sun_path holds 108 bytes with its terminating NUL.
            guard path.hasPrefix("/"), path.utf8.count < 108 else {
                throw ParseError(description: "'\(shown)': a Unix socket is unix:/absolute/path of at most 107 bytes")
            }
            self = .unix(path: path)
            return
        }
        var rest = Substring(text)
        if rest.hasPrefix("http://") { rest = rest.dropFirst("http://".count) }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        if let scheme = rest.firstRange(of: "://") {
            let reason = rest[..<scheme.lowerBound] == "https" ? "must not use TLS" : "is not an HTTP address"
            throw ParseError(description: "'\(shown)' \(reason); write http://host:port, host:port or unix:/path")
        }
        if rest.contains("/") {
            throw ParseError(description: "'\(shown)' has a path; write only the host and port, http://host:port")
        }
        guard let colon = rest.lastIndex(of: ":") else {
            throw ParseError(description: "'\(shown)' has no port; write host:port or unix:/path")
        }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, !host.contains(where: { "/@?# ".contains($0) }) else {
            throw ParseError(description: "'\(shown)' has no valid host; write host:port or unix:/path")
        }
        guard let port = Int(rest[rest.index(after: colon)...]), (0...65_535).contains(port) else {
            throw ParseError(description: "'\(shown)' has no valid port (0 to 65535)")
        }
        self = .tcp(host: String(host), port: port)
    }

    /// Reads every form of ``init(_:)`` and `https://host:port`.
    /// - Returns: the endpoint, and whether it uses TLS.
    /// - Throws: ``ParseError`` for any other text.
    public static func url(_ text: String) throws(ParseError) -> (endpoint: Endpoint, isSecure: Bool) {
        guard text.hasPrefix("https://") else { return (try Endpoint(text), false) }
        do throws(ParseError) {
            return (try Endpoint("http://" + text.dropFirst("https://".count)), true)
        } catch {
            throw ParseError(description: "'\(text.withoutUserinfo)' must be https://host:port")
        }
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tcp(let host, let port): "http://\(authority(host)):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    private func authority(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

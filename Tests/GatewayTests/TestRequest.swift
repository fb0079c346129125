import NIOCore

@testable import Gateway

/// A parsed request head, for tests of code that reads one.
enum TestRequest {
    /// - Parameter lines: the request line and the fields, without `Host`.
    static func with<Result>(
        _ lines: [String], from address: String? = "127.0.0.1", trusting proxies: [String] = [],
        redirect: SecureRedirect? = nil, keepsEncodedSlashes: Bool = false,
        _ body: (RequestView) throws -> Result
    ) throws -> Result {
        let all = [lines.first ?? "GET / HTTP/1.1", "Host: example.com"] + lines.dropFirst()
        let bytes = Array((all.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        let peer = ForwardedPeer(
            address: try address.map { try SocketAddress(ipAddress: $0, port: 1) },
            trustedProxies: AddressSet(proxies.compactMap { AddressRange($0) }), redirect: redirect)
        return try bytes.withUnsafeBytes { raw in
            var parser = RequestHeadParser(limits: HeadLimits(target: 8192, head: 1 << 20, headers: 1000))
            guard try parser.parse(raw) else { throw HTTPError.headTooLarge }
            let target = try RequestTarget(
                raw, parser.head.target, method: parser.head.method, keepsEncodedSlashes: keepsEncodedSlashes)
            guard let path = target.rewrittenPath else {
                return try body(
                    RequestView(
                        bytes: raw, head: parser.head, target: target, path: raw.slice(target.path), peer: peer))
            }
            return try path.withUnsafeBytes {
                try body(RequestView(bytes: raw, head: parser.head, target: target, path: $0, peer: peer))
            }
        }
    }

    static func fields(_ fields: [String]) -> [String] { ["GET / HTTP/1.1"] + fields }
}

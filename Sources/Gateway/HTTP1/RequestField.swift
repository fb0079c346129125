/// How the gateway treats a request's header field.
enum RequestField: Equatable {
    /// Forwarded unchanged.
    case passed
    /// Dropped: hop-by-hop (RFC 9110 §7.6.1), or set only by the gateway.
    case dropped
    /// Dropped, but read if the peer is a trusted proxy.
    case forwarding
    case host, contentLength, transferEncoding, connection, upgrade, expect, requestID, traceparent

    @inline(__always)
    init(_ name: UnsafeRawBufferPointer) {
        // The length alone decides most names.
        switch name.count {
        case 2 where name.equalsIgnoringCase("te"): self = .dropped
        case 4 where name.equalsIgnoringCase("host"): self = .host
        // "httpoxy": CGI programs receive a Proxy field as HTTP_PROXY.
        case 5 where name.equalsIgnoringCase("proxy"): self = .dropped
        case 6 where name.equalsIgnoringCase("expect"): self = .expect
        case 7 where name.equalsIgnoringCase("upgrade"): self = .upgrade
        case 7 where name.equalsIgnoringCase("trailer"): self = .dropped
        case 9 where name.equalsIgnoringCase("forwarded"): self = .forwarding
        case 9 where name.equalsIgnoringCase("x-real-ip"): self = .forwarding
        case 10 where name.equalsIgnoringCase("connection"): self = .connection
        case 10 where name.equalsIgnoringCase("keep-alive"): self = .dropped
        case 11 where name.equalsIgnoringCase("traceparent"): self = .traceparent
        case 12 where name.equalsIgnoringCase("x-request-id"): self = .requestID
        case 14 where name.equalsIgnoringCase("content-length"): self = .contentLength
        case 14 where name.equalsIgnoringCase("http2-settings"): self = .dropped
        case 16 where name.equalsIgnoringCase("proxy-connection"): self = .dropped
        case 17 where name.equalsIgnoringCase("transfer-encoding"): self = .transferEncoding
        case 18 where name.equalsIgnoringCase("proxy-authenticate"): self = .dropped
        case 19 where name.equalsIgnoringCase("proxy-authorization"): self = .dropped
        case 8... where name[0] | 0x20 == 0x78 && name[1] == ASCII.hyphen:
            if name.hasPrefixIgnoringCase("x-forwarded-") {
                self = .forwarding
            } else if name.hasPrefixIgnoringCase("x-user-") {
                self = .dropped
            } else {
                self = .passed
            }
        default: self = .passed
        }
    }

    /// Fields that `Connection` must not nominate: end-to-end fields on which the request's meaning or the upstream's
    /// policies depend (RFC 9110 §7.6.1).
    static func isProtected(_ name: UnsafeRawBufferPointer) -> Bool {
        switch RequestField(name) {
        case .host, .contentLength, .transferEncoding, .expect, .requestID, .traceparent, .forwarding, .connection:
            return true
        case .upgrade:
            return false
        case .dropped:
            return name.hasPrefixIgnoringCase("x-user-")
        case .passed:
            let names: [StaticString] = [
                "accept", "accept-encoding", "accept-language", "authorization", "baggage", "cache-control", "cookie",
                "content-encoding", "content-language", "content-type", "date", "idempotency-key", "if-match",
                "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "max-forwards", "origin",
                "pragma", "range", "referer", "sec-fetch-site", "tracestate", "user-agent", "via",
            ]
            return names.contains { name.equalsIgnoringCase($0) }
        }
    }
}

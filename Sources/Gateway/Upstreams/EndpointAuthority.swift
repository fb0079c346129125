import MartletCore

extension Endpoint {
    /// The endpoint's own name as a `Host` field (RFC 9110 §7.2), without a default port.
    func authority(isSecure: Bool) -> String {
        guard case .tcp(_, let port) = self else { return "localhost" }
        let text = String(description.dropFirst("http://".count))
        let usual = isSecure ? ":443" : ":80"
        return port == (isSecure ? 443 : 80) && text.hasSuffix(usual) ? String(text.dropLast(usual.count)) : text
    }
}

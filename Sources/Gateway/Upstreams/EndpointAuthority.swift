import MartletCore

extension Endpoint {
    /// The `Host` field for requests that go to the upstream's own name (RFC 9110 §7.2).
    func authority(isSecure: Bool) -> String {
        guard case .tcp(_, let port) = self else { return "localhost" }
        let text = String(description.dropFirst("http://".count))
        let usual = isSecure ? ":443" : ":80"
        return port == (isSecure ? 443 : 80) && text.hasSuffix(usual) ? String(text.dropLast(usual.count)) : text
    }
}

import MartletCore
import NIOCore

/// Reads an upstream's connection settings.
extension GatewayConfiguration.Upstream {
    mutating func readConnections(_ upstream: ConfigMapping) {
        if let node = upstream["host"], let text = node.text() {
            switch text {
            case "preserve": host = .preserve
            case "upstream": host = .upstream
            default:
                host = .literal(text)
                node.checkHost(text)
            }
        }
        if let node = upstream["request_body"] { bufferedBody = Self.bufferedBody(node) }
        if let fields = upstream["keep_alive"]?.mapping(["idle", "maximum_age"]) {
            keepAlive.idle = fields["idle"]?.duration()
            keepAlive.maximumAge =
                fields["maximum_age"]?.duration(.seconds(1)...(.hours(24 * 366))) ?? keepAlive.maximumAge
        }
    }

    /// The default buffer limit, in bytes.
    private static let defaultBufferedBody = 1 << 20
    /// Clients that send bodies without a length may use this much memory.
    private static let maximumBufferedBody = LoopContext.maximumGatheredBytes

    /// `streamed`, `buffered` or `{buffered: 10MiB}`.
    private static func bufferedBody(_ node: ConfigNode) -> Int? {
        guard node.isScalar else {
            guard let size = node.mapping(["buffered"])?.required("buffered"), let bytes = size.size(1) else {
                return nil
            }
            if bytes > maximumBufferedBody { size.fail("must be at most \(maximumBufferedBody >> 20)MiB") }
            return bytes
        }
        switch node.text() {
        case "streamed": return nil
        case "buffered": return defaultBufferedBody
        default:
            node.fail("must be streamed, buffered or {buffered: SIZE} such as {buffered: 10MiB}")
            return nil
        }
    }
}

extension ConfigNode {
    /// Reports an invalid `Host` value (RFC 9110 §7.2).
    func checkHost(_ text: String) {
        guard text.utf8.isEmpty || !Array(text.utf8).withUnsafeBytes({ Authority.isValid($0) }) else { return }
        fail("'\(text)' is not a host; write example.org or example.org:8443, without http://")
    }
}

extension GatewayConfiguration.HealthCheck {
    init?(_ node: ConfigNode) {
        let keys = ["path", "interval", "timeout", "healthy", "unhealthy", "host", "headers", "statuses"]
        guard let check = node.mapping(keys, such: "{path: /health}") else { return nil }
        let (path, text) = (check.required("path"), check["path"]?.text())
        self.init(path: text ?? "/")
        if let path, let text, text.utf8.first != ASCII.slash || !text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            path.fail("must be a path such as /health, without spaces")
        }
        interval = check["interval"]?.duration() ?? interval
        timeout = check["timeout"]?.duration() ?? timeout
        healthyThreshold = check["healthy"]?.integer(1...100) ?? healthyThreshold
        unhealthyThreshold = check["unhealthy"]?.integer(1...100) ?? unhealthyThreshold
        if let node = check["host"], let text = node.text() {
            host = text
            node.checkHost(text)
        }
        for (name, node) in check["headers"]?.mapping()?.members ?? [] {
            guard let value = node.text() else { continue }
            if name.lowercased() == "host" {
                node.fail("cannot be set here; use the key host")
            } else if !HeaderRules.isEditable(name) {
                node.fail("'\(name)' cannot be set")
            } else if HeaderRules.line(name, value) == nil {
                node.fail("must be a valid field value")
            }
            headers[name] = value
        }
        if let list = check["statuses"] {
            statuses = list.list().compactMap { $0.statuses() }
            if statuses.isEmpty { list.fail("needs a status such as 200 or 200-299") }
        }
        // Checked last, so that the other errors are reported too.
        if text == nil { return nil }
    }
}

extension ConfigNode {
    /// `200`, or `200-299`.
    fileprivate func statuses() -> ClosedRange<Int>? {
        let parts = (isScalar ? text() ?? "" : "").split(separator: "-", omittingEmptySubsequences: false).map {
            Int($0)
        }
        guard let first = parts.first ?? nil, let last = parts.last ?? nil, parts.count <= 2, first <= last,
            (100...599).contains(first), (100...599).contains(last)
        else {
            fail("must be a status such as 200, or a range such as 200-299")
            return nil
        }
        return first...last
    }
}

public import MartletCore
import Yams

extension GatewayFile {
    /// What a file says, for who administers the gateway: with `***` for everything that is, or may be, a secret.
    public static func redacted(_ text: String) -> JSONValue {
        guard let root = try? Yams.compose(yaml: text) else { return .null }
        return redacted(root, isSecret: false)
    }

    private static func redacted(_ node: Yams.Node, isSecret: Bool) -> JSONValue {
        switch node {
        case .mapping(let mapping):
            return .object(
                mapping.map { key, value in
                    let name = key.string ?? ""
                    return (name, redacted(value, isSecret: isSecret || self.isSecret(name)))
                })
        case .sequence(let sequence):
            return .array(sequence.map { redacted($0, isSecret: isSecret) })
        case .scalar(let scalar):
            if node.null != nil { return .null }
            if isSecret { return "***" }
            guard scalar.style == .plain || scalar.style == .any else { return .string(withoutPassword(scalar.string)) }
            if let number = Int(scalar.string) { return .number(String(number)) }
            if let truth = node.bool, ["true", "false"].contains(scalar.string) { return .bool(truth) }
            return .string(withoutPassword(scalar.string))
        case .alias:
            return .null
        }
    }

    /// Keys and header fields whose values are shown to nobody.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        let parts = ["secret", "password", "token", "sha256", "credential", "authorization", "cookie", "api-key"]
        // The name of a cookie or a header is not what is in it.
        return name != "cookie" && parts.contains { name.contains($0) }
    }

    /// A URL may hold a user and a password (RFC 3986 §3.2.1).
    private static func withoutPassword(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://"), let at = text[scheme.upperBound...].lastIndex(of: "@"),
            !text[scheme.upperBound..<at].contains("/")
        else { return text }
        return text[..<scheme.upperBound] + "***" + text[at...]
    }
}

package import MartletCore
import Yams

extension GatewayFile {
    /// The content of a file for administrators, with `***` in place of anything that is or may be a secret.
    package static func redacted(_ text: String) -> JSONValue {
        guard let root = try? Yams.compose(yaml: text) else { return .null }
        return redacted(root, [], isSecret: false)
    }

    /// - Parameter path: the keys leading to the node.
    private static func redacted(_ node: Yams.Node, _ path: [String], isSecret: Bool) -> JSONValue {
        switch node {
        case .mapping(let mapping):
            let isSecret = isSecret || holdsFields(path)
            return .object(
                mapping.map { key, value in
                    let name = key.string ?? ""
                    return (name, redacted(value, path + [name], isSecret: isSecret || self.isSecret(name)))
                })
        case .sequence(let sequence):
            return .array(sequence.map { redacted($0, path, isSecret: isSecret) })
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

    /// Whether a mapping holds request fields. Any of these may carry credentials, whatever its name.
    private static func holdsFields(_ path: [String]) -> Bool {
        path.last == "headers" || (path.dropLast().last == "request_headers" && ["set", "add"].contains(path.last))
    }

    /// Whether values under this key or field name are always hidden.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        let parts = ["secret", "password", "token", "sha256", "credential", "authorization", "cookie", "api-key"]
        // The name of a cookie or header is not its content.
        return name != "cookie" && parts.contains { name.contains($0) }
    }

    /// Redacts a text that contains a URL: the URL may hold a password, and a key in its query.
    private static func withoutPassword(_ text: String) -> String {
        text.contains("://") ? text.withoutUserinfo.withoutQueryValues : text
    }
}

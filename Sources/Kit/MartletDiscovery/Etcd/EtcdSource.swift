import Foundation
import MartletCore

/// An etcd v3 cluster and its credentials.
public struct EtcdRegistry: Sendable, Hashable {
    /// The members, as `http://host:port` or `https://host:port`. The first that responds is used.
    public var hosts: [String]
    /// The user to sign in as. Default: none.
    public var user: String?
    public var password: String
    public var tls: RegistryTLS?

    public init(hosts: [String], user: String? = nil, password: String = "", tls: RegistryTLS? = nil) {
        self.hosts = hosts
        self.user = user
        self.password = password
        self.tls = tls
    }

    /// The reason a text is not a registry URL. `description` is one line and omits a password.
    public struct ParseError: Error, CustomStringConvertible {
        public let description: String
    }

    /// Reads `etcd://host:port,host:port`, also with `http://` or `https://`, and with `user:password@` after it.
    /// - Throws: ``ParseError``.
    public init(url: String) throws(ParseError) {
        guard let scheme = ["etcd", "http", "https"].first(where: { url.hasPrefix("\($0)://") }) else {
            throw ParseError(description: "must be etcd://host:port, http://host:port or https://host:port")
        }
        var rest = url.dropFirst(scheme.utf8.count + 3)
        var user: String?
        var password = ""
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = parts.first.flatMap { try? PercentEncoding.decode($0.utf8) }
            password = parts.count == 2 ? (try? PercentEncoding.decode(parts[1].utf8)) ?? "" : ""
            rest = rest[rest.index(after: at)...]
            guard user?.isEmpty == false else {
                throw ParseError(description: "must have a percent-encoded user before '@'")
            }
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var hosts: [String] = []
        for host in rest.split(separator: ",", omittingEmptySubsequences: false) {
            do {
                guard case .tcp(let name, let port) = try Endpoint(String(host)), port > 0 else {
                    throw ParseError(description: "'\(host)' is not host:port")
                }
                let authority = name.contains(":") ? "[\(name)]" : name
                hosts.append("\(scheme == "https" ? "https" : "http")://\(authority):\(port)")
            } catch {
                throw ParseError(description: "\(error)")
            }
        }
        self.init(hosts: hosts, user: user, password: password)
    }
}

/// The etcd keys below a prefix. Each is one server; its value is a URL (`http://10.0.0.1:8001`) or a JSON object with
/// `url` and an optional `weight`.
public struct EtcdSource: Sendable, Hashable {
    public var registry: EtcdRegistry
    public var prefix: String

    public init(_ registry: EtcdRegistry, prefix: String) {
        self.registry = registry
        self.prefix = prefix
    }

    /// The prefix under which the servers of a service register themselves (``EtcdRegistration``).
    public static func prefix(of service: String) -> String { "/martlet/services/\(service)/" }
}

extension RegistryList.Server {
    /// - Parameters:
    ///   - value: the value of an etcd key.
    ///   - key: the name of the key.
    /// - Returns: nil when the value is not a valid server.
    init?(registered value: String, at key: String) {
        var url = value
        var weight = 1
        if value.hasPrefix("{") {
            guard let json = try? JSONValue(parsing: Array(value.utf8)), let text = json["url"]?.stringValue else {
                return nil
            }
            url = text
            weight = json["weight"]?.intValue ?? 1
        }
        guard case .tcp(let host, let port)? = try? Endpoint(url) else { return nil }
        self.init(name: key, host: host, port: port, weight: weight)
    }
}

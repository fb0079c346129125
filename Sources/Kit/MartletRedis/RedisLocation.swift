import MartletCore
/// The address of a Redis server and its credentials: `redis://[[user]:password@]host[:port][/database]`.
public struct RedisLocation: Sendable, Equatable {
    public var host: String
    /// The TCP port. Default: 6379.
    public var port: Int
    /// The ACL user (Redis 6). Default: the default user.
    public var user: String?
    public var password: String?
    /// The number of the logical database. Default: 0.
    public var database: Int

    public init(
        host: String, port: Int = 6379, user: String? = nil, password: String? = nil, database: Int = 0
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
    }

    /// The reason a text is not a location. Never contains the text, which may include a password.
    public struct ParseError: Error, CustomStringConvertible {
        public let description: String
    }

    /// Reads the URL form. User and password may be percent-encoded (RFC 3986 §2.1).
    /// - Throws: ``ParseError``.
    public init(url: String) throws(ParseError) {
        guard !url.hasPrefix("rediss://") else {
            throw ParseError(description: "Redis over TLS is not supported; use a private network or a tunnel")
        }
        guard url.hasPrefix("redis://") else { throw ParseError(description: "the URL must begin with redis://") }
        var rest = url.dropFirst("redis://".count)
        var (user, password): (String?, String?)
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
            guard let colon = credentials.firstIndex(of: ":") else {
                throw ParseError(description: "credentials must be user:password@ or :password@")
            }
            user = try Self.decoded(credentials[..<colon])
            password = try Self.decoded(credentials[credentials.index(after: colon)...])
        }
        var database = 0
        if let slash = rest.firstIndex(of: "/") {
            let text = rest[rest.index(after: slash)...]
            if !text.isEmpty {
                guard let number = Int(text), (0...65_535).contains(number) else {
                    throw ParseError(description: "the database must be a number")
                }
                database = number
            }
            rest = rest[..<slash]
        }
        var port = 6379
        // The last colon, unless it is inside the brackets of an IPv6 address.
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
            guard let number = Int(rest[rest.index(after: colon)...]), (1...65_535).contains(number) else {
                throw ParseError(description: "the port must be from 1 to 65535")
            }
            port = number
            rest = rest[..<colon]
        }
        if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
        guard !rest.isEmpty, !rest.contains(where: { "[]?# ".contains($0) }) else {
            throw ParseError(description: "the URL has no valid host")
        }
        self.init(host: String(rest), port: port, user: user, password: password, database: database)
    }

    /// - Returns: nil for an empty text.
    private static func decoded(_ text: Substring) throws(ParseError) -> String? {
        guard !text.isEmpty else { return nil }
        do throws(PercentEncoding.DecodingError) {
            return try PercentEncoding.decode(text.utf8)
        } catch {
            let problem =
                switch error {
                case .malformed: "have a '%' without two hexadecimal digits after it"
                case .notUTF8: "are not UTF-8"
                }
            throw ParseError(description: "credentials \(problem)")
        }
    }
}

extension RedisLocation: CustomStringConvertible {
    /// The URL without user and password.
    public var description: String {
        "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    }
}

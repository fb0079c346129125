public import MartletTokens
public import NIOCore

extension GatewayConfiguration {
    /// What a route asks of its requests and does to its answers. Default: nothing.
    public struct Policies: Sendable {
        public var addresses: AddressRule?
        public var cors: CORS?
        /// Who may use the route; anybody when nil.
        public var authentication: Authentication?
        /// The permission that the signed-in user needs; demands ``authentication``.
        public var permission: String?
        public var rateLimits: [RateLimit] = []
        /// Routes that say the same count their ``rateLimits`` together; by the route's name or match when nil.
        var limitOwner: String?
        public var requestHeaders = HeaderEdit()
        public var responseHeaders = HeaderEdit()
        public var securityHeaders: SecurityHeaders?
        /// Compresses answers for clients that take it. Default: nothing.
        public var compression: Compression?

        public init() {}
    }

    /// Clients by their addresses, as trusted proxies tell them.
    public struct AddressRule: Sendable {
        /// Only these, when there are any.
        public var allow: [AddressRange]
        /// Never these.
        public var deny: [AddressRange]

        public init(allow: [AddressRange] = [], deny: [AddressRange] = []) {
            self.allow = allow
            self.deny = deny
        }
    }

    /// Which pages of other origins may use the route (the Fetch standard's CORS protocol).
    public struct CORS: Sendable {
        /// `https://app.example.org`; `*` for all.
        public var origins: [String]
        public var methods: [String] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        /// Request fields that pages may set.
        public var headers: [String] = ["Authorization", "Content-Type", "If-Match", "X-Request-ID"]
        /// Response fields that pages may read.
        public var exposed: [String] = ["ETag", "Location", "X-Request-ID"]
        /// Whether cookies may be sent; not together with `*`.
        public var allowsCredentials = false
        /// Seconds for which a preflight's answer holds.
        public var maximumAge = 600

        public init(origins: [String]) { self.origins = origins }
    }

    /// How often a client may come: so many requests in a period, all at once if it likes, and then at that rate.
    public struct RateLimit: Sendable {
        public enum Key: Sendable, Equatable {
            /// The client's address; of IPv6 its /64 network, which is what one client has.
            case client
            /// The signed-in user; the client where nobody is signed in.
            case user
            /// All requests of the route together.
            case route
            /// The value of a request field.
            case header(String)
        }

        public var key: Key
        public var requests: Int
        public var period: TimeAmount
        /// Counted by ``GatewayConfiguration/Redis`` for all gateways together instead of in this process's memory.
        public var isShared = false

        public init(by key: Key = .client, requests: Int, per period: TimeAmount) {
            self.key = key
            self.requests = requests
            self.period = period
        }
    }

    /// Changes to a head. Fields that frame the message or belong to the connection cannot be changed.
    public struct HeaderEdit: Sendable {
        /// Replaces all fields of the name.
        public var set: [String: String] = [:]
        /// Adds a field to those there are.
        public var add: [String: String] = [:]
        public var remove: [String] = []

        public init() {}
    }

    /// Fields that make browsers careful. Those that the upstream has set itself are replaced.
    public struct SecurityHeaders: Sendable {
        public var frameOptions: String? = "DENY"
        public var referrerPolicy: String? = "strict-origin-when-cross-origin"
        public var contentSecurityPolicy: String?
        /// `max-age` of Strict-Transport-Security (RFC 6797) in seconds.
        public var strictTransportSecurity: Int?

        public init() {}
    }

    /// Which answers are compressed (gzip or deflate).
    ///
    /// Off unless asked for: where an answer holds a secret beside something that a client chose, its compressed length
    /// tells about the secret (BREACH).
    public struct Compression: Sendable {
        /// Media types: whole, `text/*` or `*+json`. `text/event-stream` never is.
        public var types = [
            "text/*", "application/json", "application/javascript", "application/xml", "application/x-ndjson", "*+json",
            "*+xml", "application/wasm",
        ]
        /// Answers of fewer bytes than this are left as they are. Default 1 KiB.
        public var minimum = 1024
        /// From 1, the quickest, to 9, the smallest. Default 5.
        public var level = 5

        public init() {}
    }

    /// How a client says who it is. One of the ways is enough.
    public struct Authentication: Sendable {
        public var tokens: TokenIssuer?
        public var apiKeys: APIKeys?
        /// Where browsers, which cannot set `Authorization` there, have the token of a WebSocket; nowhere else when nil.
        public var webSocket: WebSocket?
        /// Whether requests without credentials pass, as nobody. Wrong credentials never do.
        public var isOptional = false

        public init(tokens: TokenIssuer? = nil, apiKeys: APIKeys? = nil) {
            self.tokens = tokens
            self.apiKeys = apiKeys
        }
    }

    /// Where the token of a request for a WebSocket may stand beside `Authorization`.
    public struct WebSocket: Sendable {
        /// A sub-protocol `NAME.TOKEN` (RFC 6455 §11.3.4), which neither the service nor the answer sees.
        public var protocolName: String?
        /// A cookie, which is taken from pages of ``origins`` alone: every page may open a WebSocket with the cookies of
        /// another.
        public var cookie: String?
        /// `https://app.example.org`
        public var origins: [String] = []

        public init() {}
    }

    /// Keys that programs send in a field of their own.
    public struct APIKeys: Sendable {
        public struct Key: Sendable {
            /// What the key is called in logs and limits, and what its user is upstream.
            public var name: String
            /// The SHA-256 of the key, 32 bytes: the key itself is nowhere.
            public var digest: [UInt8]
            public var permissions: [String]

            public init(name: String, digest: [UInt8], permissions: [String] = []) {
                self.name = name
                self.digest = digest
                self.permissions = permissions
            }
        }

        public var header = "X-API-Key"
        public var keys: [Key]

        public init(keys: [Key]) { self.keys = keys }
    }
}

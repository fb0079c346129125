package import MartletTokens
package import NIOCore

extension GatewayConfiguration {
    /// What a route asks of its requests and does to its answers. Default: nothing.
    package struct Policies: Sendable {
        package var addresses: AddressRule?
        package var cors: CORS?
        /// Who may use the route; anybody when nil.
        package var authentication: Authentication?
        /// The permission that the signed-in user needs; demands ``authentication``.
        package var permission: String?
        package var rateLimits: [RateLimit] = []
        /// Routes that say the same count their ``rateLimits`` together; by the route's name or match when nil.
        var limitOwner: String?
        package var requestHeaders = HeaderEdit()
        package var responseHeaders = HeaderEdit()
        package var securityHeaders: SecurityHeaders?
        /// Compresses answers for clients that take it. Default: nothing.
        package var compression: Compression?

        package init() {}
    }

    /// Clients by their addresses, as trusted proxies tell them.
    package struct AddressRule: Sendable {
        /// Only these, when there are any.
        package var allow: [AddressRange]
        /// Never these.
        package var deny: [AddressRange]

        package init(allow: [AddressRange] = [], deny: [AddressRange] = []) {
            self.allow = allow
            self.deny = deny
        }
    }

    /// Which pages of other origins may use the route (the Fetch standard's CORS protocol).
    package struct CORS: Sendable {
        /// `https://app.example.org`; `*` for all.
        package var origins: [String]
        package var methods: [String] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        /// Request fields that pages may set.
        package var headers: [String] = ["Authorization", "Content-Type", "If-Match", "X-Request-ID"]
        /// Response fields that pages may read.
        package var exposed: [String] = ["ETag", "Location", "X-Request-ID"]
        /// Whether cookies may be sent; not together with `*`.
        package var allowsCredentials = false
        /// Seconds for which a preflight's answer holds.
        package var maximumAge = 600

        package init(origins: [String]) { self.origins = origins }
    }

    /// How often a client may come: so many requests in a period, all at once if it likes, and then at that rate.
    package struct RateLimit: Sendable {
        package enum Key: Sendable, Equatable {
            /// The client's address; of IPv6 its /64 network, which is what one client has.
            case client
            /// The signed-in user; the client where nobody is signed in.
            case user
            /// All requests of the route together.
            case route
            /// The value of a request field.
            case header(String)
        }

        package var key: Key
        package var requests: Int
        package var period: TimeAmount
        /// Counted by ``GatewayConfiguration/Redis`` for all gateways together instead of in this process's memory.
        package var isShared = false

        package init(by key: Key = .client, requests: Int, per period: TimeAmount) {
            self.key = key
            self.requests = requests
            self.period = period
        }
    }

    /// Changes to a head. Fields that frame the message or belong to the connection cannot be changed.
    package struct HeaderEdit: Sendable {
        /// Replaces all fields of the name.
        package var set: [String: String] = [:]
        /// Adds a field to those there are.
        package var add: [String: String] = [:]
        package var remove: [String] = []

        package init() {}
    }

    /// Fields that make browsers careful. Those that the upstream has set itself are replaced.
    package struct SecurityHeaders: Sendable {
        package var frameOptions: String? = "DENY"
        package var referrerPolicy: String? = "strict-origin-when-cross-origin"
        package var contentSecurityPolicy: String?
        /// `max-age` of Strict-Transport-Security (RFC 6797) in seconds.
        package var strictTransportSecurity: Int?

        package init() {}
    }

    /// Which answers are compressed (gzip or deflate).
    ///
    /// Off unless asked for: where an answer holds a secret beside something that a client chose, its compressed length
    /// tells about the secret (BREACH).
    package struct Compression: Sendable {
        /// Media types: whole, `text/*` or `*+json`. `text/event-stream` never is.
        package var types = [
            "text/*", "application/json", "application/javascript", "application/xml", "application/x-ndjson", "*+json",
            "*+xml", "application/wasm",
        ]
        /// Answers of fewer bytes than this are left as they are. Default 1 KiB.
        package var minimum = 1024
        /// From 1, the quickest, to 9, the smallest. Default 5.
        package var level = 5

        package init() {}
    }

    /// How a client says who it is. One of the ways is enough.
    package struct Authentication: Sendable {
        package var tokens: TokenIssuer?
        package var apiKeys: APIKeys?
        /// Where browsers, which cannot set `Authorization` there, have the token of a WebSocket; nowhere else when nil.
        package var webSocket: WebSocket?
        /// Whether requests without credentials pass, as nobody. Wrong credentials never do.
        package var isOptional = false

        package init(tokens: TokenIssuer? = nil, apiKeys: APIKeys? = nil) {
            self.tokens = tokens
            self.apiKeys = apiKeys
        }
    }

    /// Where the token of a request for a WebSocket may stand beside `Authorization`.
    package struct WebSocket: Sendable {
        /// A sub-protocol `NAME.TOKEN` (RFC 6455 §11.3.4), which neither the service nor the answer sees.
        package var protocolName: String?
        /// A cookie, which is taken from pages of ``origins`` alone: every page may open a WebSocket with the cookies of
        /// another.
        package var cookie: String?
        /// `https://app.example.org`
        package var origins: [String] = []

        package init() {}
    }

    /// Keys that programs send in a field of their own.
    package struct APIKeys: Sendable {
        package struct Key: Sendable {
            /// What the key is called in logs and limits, and what its user is upstream.
            package var name: String
            /// The SHA-256 of the key, 32 bytes: the key itself is nowhere.
            package var digest: [UInt8]
            package var permissions: [String]

            package init(name: String, digest: [UInt8], permissions: [String] = []) {
                self.name = name
                self.digest = digest
                self.permissions = permissions
            }
        }

        package var header = "X-API-Key"
        package var keys: [Key]

        package init(keys: [Key]) { self.keys = keys }
    }
}

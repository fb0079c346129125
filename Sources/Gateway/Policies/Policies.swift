package import MartletTokens
package import NIOCore

extension GatewayConfiguration {
    /// The policies of a route. Default: none.
    package struct Policies: Sendable {
        package var addresses: AddressRule?
        package var cors: CORS?
        /// How clients authenticate; nil admits everyone.
        package var authentication: Authentication?
        /// The permission that the user needs; requires ``authentication``.
        package var permission: String?
        package var rateLimits: [RateLimit] = []
        /// Routes with the same owner share their ``rateLimits``. Nil means the route's name or match.
        var limitOwner: String?
        package var requestHeaders = HeaderEdit()
        package var responseHeaders = HeaderEdit()
        package var securityHeaders: SecurityHeaders?
        /// Compresses responses for clients that accept it. Default: none.
        package var compression: Compression?

        package init() {}
    }

    /// Restricts clients by address. Behind trusted proxies, the address is the one they report.
    package struct AddressRule: Sendable {
        /// The only addresses allowed; any when empty.
        package var allow: [AddressRange]
        /// Addresses that are refused.
        package var deny: [AddressRange]

        package init(allow: [AddressRange] = [], deny: [AddressRange] = []) {
            self.allow = allow
            self.deny = deny
        }
    }

    /// The cross-origin requests that a route accepts (the Fetch standard's CORS protocol).
    package struct CORS: Sendable {
        /// Origins such as `https://app.example.org`, or `*` for all.
        package var origins: [String]
        package var methods: [String] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        /// Request fields that pages may set.
        package var headers: [String] = ["Authorization", "Content-Type", "If-Match", "X-Request-ID"]
        /// Response fields that pages may read.
        package var exposed: [String] = ["ETag", "Location", "X-Request-ID"]
        /// Whether requests may carry credentials such as cookies; not together with `*`. Default: false.
        package var allowsCredentials = false
        /// How long browsers may cache a preflight response, in seconds. Default: 600.
        package var maximumAge = 600

        package init(origins: [String]) { self.origins = origins }
    }

    /// A token bucket: a client may send this many requests at once, and then as many per period.
    package struct RateLimit: Sendable {
        package enum Key: Sendable, Equatable {
            /// The client's address; for IPv6 its /64 network, which one client typically owns.
            case client
            /// The authenticated user, or the client's address without one.
            case user
            /// One bucket for all requests of the route.
            case route
            /// The value of a request field.
            case header(String)
        }

        package var key: Key
        package var requests: Int
        package var period: TimeAmount
        /// Counts in ``GatewayConfiguration/Redis`` for all gateways together, instead of in this process. Default:
        /// false.
        package var isShared = false

        package init(by key: Key = .client, requests: Int, per period: TimeAmount) {
            self.key = key
            self.requests = requests
            self.period = period
        }
    }

    /// Changes to header fields. Fields that frame the message or belong to the connection cannot be changed.
    package struct HeaderEdit: Sendable {
        /// Replaces all fields of that name.
        package var set: [String: String] = [:]
        /// Adds a field beside existing ones.
        package var add: [String: String] = [:]
        package var remove: [String] = []

        package init() {}
    }

    /// Response fields that enable browser protections. They replace those of the upstream.
    package struct SecurityHeaders: Sendable {
        package var frameOptions: String? = "DENY"
        package var referrerPolicy: String? = "strict-origin-when-cross-origin"
        package var contentSecurityPolicy: String?
        /// `max-age` of Strict-Transport-Security (RFC 6797), in seconds; nil sends none.
        package var strictTransportSecurity: Int?

        package init() {}
    }

    /// Which responses are compressed (gzip or deflate).
    ///
    /// Off by default: when a response holds a secret together with text that a client chose, its compressed length
    /// leaks information about the secret (BREACH).
    package struct Compression: Sendable {
        /// Media types: exact, `text/*` or `*+json`. `text/event-stream` is never compressed.
        package var types = [
            "text/*", "application/json", "application/javascript", "application/xml", "application/x-ndjson", "*+json",
            "*+xml", "application/wasm",
        ]
        /// The shortest response to compress, in bytes. Default: 1 KiB.
        package var minimum = 1024
        /// From 1, the fastest, to 9, the smallest. Default: 5.
        package var level = 5

        package init() {}
    }

    /// How clients authenticate; one method is enough.
    package struct Authentication: Sendable {
        package var tokens: TokenIssuer?
        package var apiKeys: APIKeys?
        /// Where a WebSocket request may carry its token, as browsers cannot set `Authorization`; nil means nowhere
        /// else.
        package var webSocket: WebSocket?
        /// Whether requests without credentials pass as anonymous. Wrong credentials are always refused. Default:
        /// false.
        package var isOptional = false

        package init(tokens: TokenIssuer? = nil, apiKeys: APIKeys? = nil) {
            self.tokens = tokens
            self.apiKeys = apiKeys
        }
    }

    /// Where a WebSocket request may carry its token besides `Authorization`.
    package struct WebSocket: Sendable {
        /// `NAME` of a subprotocol `NAME.TOKEN` (RFC 6455 §11.3.4), hidden from the service and from the response.
        package var protocolName: String?
        /// A cookie, accepted only from pages of ``origins``: any page can open a WebSocket that sends another site's
        /// cookies.
        package var cookie: String?
        /// Origins such as `https://app.example.org`.
        package var origins: [String] = []

        package init() {}
    }

    /// API keys that programs send in a field.
    package struct APIKeys: Sendable {
        package struct Key: Sendable {
            /// The owner's name in logs, in rate limits and for upstreams.
            package var name: String
            /// The SHA-256 of the key, 32 bytes. The key itself is not stored.
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

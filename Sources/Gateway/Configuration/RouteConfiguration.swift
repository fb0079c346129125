package import NIOCore

extension GatewayConfiguration {
    /// Which requests match, the policies for them, and what answers them.
    package struct RouteRule: Sendable {
        /// Matched against the normalized path, which is also sent upstream. A trailing slash makes no difference.
        package enum Match: Sendable, Hashable {
            case exact(String)
            /// The path itself and everything below it: `/api/users` covers `/api/users/1`, not `/api/users2`.
            case prefix(String)
            /// A path in which `{name}` matches one segment: `/api/products/{id}/stock`.
            case template(String)

            /// The path as written in the configuration.
            package var path: String {
                switch self {
                case .exact(let path), .prefix(let path), .template(let path): path
                }
            }
        }

        /// What answers a matching request.
        package enum Action: Sendable {
            /// Forwards the request to one upstream, or to several by weight.
            case proxy([Share])
            /// Transcodes the request's JSON into a gRPC call.
            case grpc(GRPC)
            case redirect(Redirect)
            case respond(FixedResponse)
            case files(Files)
            /// Combines the responses of several upstreams into one.
            case aggregate(Aggregate)
        }

        package var match: Match
        /// The route's name in metrics, logs and the administration. Default: its path.
        package var name: String?
        /// Host names such as `api.example.org` or `*.example.org`; any when empty.
        package var hosts: [String] = []
        /// Methods; any when empty. A path that only matches with other methods gets 405.
        package var methods: [String] = []
        /// Fields that the request must have, with exactly these values. Names are case-insensitive.
        package var headers: [String: String] = [:]
        package var action: Action
        package var rewrite = Rewrite()
        /// The longest request body in bytes; ``Limits/requestBody`` when nil.
        package var maximumRequestBody: Int?
        package var timeouts = RouteTimeouts()
        package var retries: Retries?
        /// The most requests in progress at once; nil means no limit.
        package var concurrency: Concurrency?
        /// Whether ``GatewayConfiguration/overload`` may refuse its requests. Default: true.
        package var isSheddable = true
        /// Protocols to which a connection may be upgraded, such as `websocket` (RFC 9110 §7.8). Default: none.
        package var upgrades: [String] = []
        /// Passes paths with encoded slashes (`%2F`) on unchanged. By default they are refused, since servers disagree
        /// on their meaning.
        package var keepsEncodedSlashes = false
        /// Which responses are cached; nil caches none.
        package var cache: Cache?
        package var policies = Policies()

        package init(_ match: Match, action: Action) {
            self.match = match
            self.action = action
        }

        /// A route to one upstream.
        package init(_ match: Match, upstream: String, maximumRequestBody: Int? = nil) {
            self.init(match, action: .proxy([Share(upstream: upstream)]))
            self.maximumRequestBody = maximumRequestBody
        }
    }

    /// An upstream's share of a route's requests.
    package struct Share: Sendable {
        /// The name of an ``Upstream``.
        package var upstream: String
        /// Its share relative to the sum of all weights.
        package var weight: Int

        package init(upstream: String, weight: Int = 1) {
            self.upstream = upstream
            self.weight = weight
        }
    }

    /// Methods of gRPC services, exposed according to their `google.api.http` options.
    package struct GRPC: Sendable {
        /// The name of an ``Upstream`` whose endpoints speak HTTP/2 without TLS.
        package var upstream: String
        /// The path of a `FileDescriptorSet`, as written by `protoc --include_imports --descriptor_set_out`.
        package var descriptors: String
        /// Full names, such as `library.v1.Library`.
        package var services: [String]
        /// Rejects unknown members of a request instead of ignoring them. Default: false.
        package var rejectsUnknownFields = false
        /// Includes fields that have their default value in responses. Default: false.
        package var writesDefaults = false
        /// Uses the field names of the `.proto` file instead of camel case. Default: false.
        package var keepsNames = false
        /// The longest response message, in bytes. Default: 4 MiB.
        package var maximumMessage = 4 << 20

        package init(upstream: String, descriptors: String, services: [String]) {
            self.upstream = upstream
            self.descriptors = descriptors
            self.services = services
        }
    }

    /// How the path sent upstream differs from the matched one. The query is unchanged.
    package struct Rewrite: Sendable, Equatable {
        /// Removed from the start of the path, if it ends at a segment boundary.
        package var stripPrefix: String?
        /// Added to the start of the path, after ``stripPrefix`` is removed.
        package var addPrefix: String?
        /// Maps the paths in `Location`, `Content-Location` and cookies back to those that clients see. Default: false.
        package var mapsAnswers = false

        package init(stripPrefix: String? = nil, addPrefix: String? = nil, mapsAnswers: Bool = false) {
            self.stripPrefix = stripPrefix
            self.addPrefix = addPrefix
            self.mapsAnswers = mapsAnswers
        }
    }

    /// A redirection of the client (RFC 9110 §15.4).
    package struct Redirect: Sendable {
        /// The target. `{path}` and `{query}` (with its question mark) are replaced with what the client sent.
        package var location: String
        /// 301, 302, 303, 307 or 308.
        package var status: Int

        package init(location: String, status: Int = 308) {
            self.location = location
            self.status = status
        }
    }

    /// A fixed response.
    package struct FixedResponse: Sendable {
        package var status: Int
        package var contentType: String
        package var body: String

        package init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", body: String = "") {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    /// The files of a folder, served below a route's prefix. They are read at start and at each reload. Hidden files
    /// and links that lead out of the folder are not served.
    package struct Files: Sendable, Hashable {
        /// The folder.
        package var root: String
        /// The file served for a folder.
        package var index = "index.html"
        /// The file below ``root`` served for pages that do not exist, for single-page applications. Nil means 404.
        package var fallback: String?
        /// `Cache-Control` for everything but HTML.
        package var cacheControl = "public, max-age=3600"
        /// `Cache-Control` for HTML.
        package var pageCacheControl = "no-cache"

        package init(root: String) { self.root = root }
    }

    /// A JSON object with one member per part. The parts are requested in parallel with GET. A failed part is `null`,
    /// and the member `missing` gives the reason.
    package struct Aggregate: Sendable {
        package struct Part: Sendable {
            /// The member's name; not `missing`.
            package var name: String
            package var upstream: String
            /// `{name}` as a whole segment is replaced with the parameter of the route's path. The request's query is
            /// appended.
            package var path: String
            /// From the request to the end of the part's response. Default: 2 s.
            package var timeout = TimeAmount.seconds(2)
            /// Whether the whole request fails without this part. Default: false.
            package var isRequired = false
            /// The longest response, in bytes. Default: 1 MiB.
            package var maximumBody = 1024 * 1024

            package init(name: String, upstream: String, path: String) {
                self.name = name
                self.upstream = upstream
                self.path = path
            }
        }

        package static let maximumParts = 16

        package var parts: [Part] = []

        package init() {}
    }

    /// Which responses are cached in memory (RFC 9111, as a shared cache).
    ///
    /// `Cache-Control`, `Expires` and `Vary` of the response take precedence. Responses that set cookies are never
    /// cached. If the route or the request identifies the user, only responses marked `public` or `s-maxage` are
    /// cached.
    package struct Cache: Sendable {
        /// The longest time a response is fresh, whatever it says itself. Default: 1 h.
        package var maximumAge = TimeAmount.hours(1)
        /// How long a response without freshness information is fresh. Default: 0.
        package var defaultAge = TimeAmount.zero
        /// How much longer a stale response may be served while the upstream fails, unless the response says otherwise.
        /// Default: 0.
        package var staleIfError = TimeAmount.zero
        /// The longest cached body, in bytes. Default: 1 MiB.
        package var maximumBody = 1024 * 1024
        /// Request fields that are part of the cache key although `Vary` does not list them.
        package var keyHeaders: [String] = []
        /// How long a request waits for another one that fetches the same response. Default: 5 s.
        package var wait = TimeAmount.seconds(5)

        package init() {}
    }

    /// The timeouts of one route; nil uses those of ``Timeouts``.
    package struct RouteTimeouts: Sendable {
        package var connect: TimeAmount?
        package var firstByte: TimeAmount?
        /// Between two reads of the response.
        package var idle: TimeAmount?
        /// From the request's head to the end of the response, including retries; nil means no limit.
        package var total: TimeAmount?
        /// For an upgraded connection without traffic in either direction.
        package var tunnel: TimeAmount?

        package init() {}
    }

    /// When a failed request is sent again, to another endpoint if there is one.
    ///
    /// Only requests with a safe method (RFC 9110 §9.2.1) or an `Idempotency-Key` and a short body are retried, and
    /// only before any part of the response has been passed on. A refused connection is always retried on another
    /// endpoint.
    package struct Retries: Sendable {
        /// The most retries after the first attempt. Default: 1.
        package var attempts = 1
        /// Statuses that count as failures. Default: 502, 503, 504.
        package var statuses: Set<Int> = [502, 503, 504]
        /// The wait before the first retry; doubles each time, with a jitter of one half. Default: 25 ms.
        package var backoff = TimeAmount.milliseconds(25)
        /// The longest body kept for a retry, in bytes; a request with a longer body is sent once. Default: 64 KiB.
        package var maximumBody = 65_536

        package init() {}
    }
}

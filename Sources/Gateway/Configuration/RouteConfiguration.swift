package import NIOCore

extension GatewayConfiguration {
    /// Which requests, by which policies, get what.
    package struct RouteRule: Sendable {
        /// Matched on the normal form of the path, which is also what is sent upstream. A trailing slash changes
        /// nothing.
        package enum Match: Sendable, Hashable {
            case exact(String)
            /// The path itself and everything below it: `/api/users` covers `/api/users/1`, not `/api/users2`.
            case prefix(String)
            /// A path in which `{name}` stands for one segment: `/api/products/{id}/stock`.
            case template(String)

            /// The path as it was written.
            package var path: String {
                switch self {
                case .exact(let path), .prefix(let path), .template(let path): path
                }
            }
        }

        /// What a matching request gets.
        package enum Action: Sendable {
            /// An answer of an upstream: of one, or of several by their weights.
            case proxy([Share])
            /// A gRPC call, of which the request's JSON is the message.
            case grpc(GRPC)
            case redirect(Redirect)
            case respond(FixedResponse)
            case files(Files)
            /// One answer that is put together from those of several upstreams.
            case aggregate(Aggregate)
        }

        package var match: Match
        /// What metrics, logs and the administration call the route. Default: its path.
        package var name: String?
        /// Host names, such as `api.example.org` or `*.example.org`; any when empty.
        package var hosts: [String] = []
        /// Methods; any when empty. A path that is found with other methods only is a 405.
        package var methods: [String] = []
        /// Fields that the request must have, with exactly this value; the names in any case.
        package var headers: [String: String] = [:]
        package var action: Action
        package var rewrite = Rewrite()
        /// Longest request body in bytes; ``Limits/requestBody`` when nil.
        package var maximumRequestBody: Int?
        package var timeouts = RouteTimeouts()
        package var retries: Retries?
        /// How many of its requests may be under way at once; as many as come when nil.
        package var concurrency: Concurrency?
        /// Whether ``GatewayConfiguration/overload`` may refuse its requests.
        package var isSheddable = true
        /// Protocols to which a connection may change, such as `websocket` (RFC 9110 §7.8). Default: none.
        package var upgrades: [String] = []
        /// Passes paths with encoded slashes (`%2F`) on as they are; they are refused otherwise, as servers do not agree on
        /// what they mean.
        package var keepsEncodedSlashes = false
        /// Keeps answers and gives them again; none when nil.
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

    /// An upstream's part of a route's requests.
    package struct Share: Sendable {
        /// The name of an ``Upstream``.
        package var upstream: String
        /// Its part is its weight in the sum of all.
        package var weight: Int

        package init(upstream: String, weight: Int = 1) {
            self.upstream = upstream
            self.weight = weight
        }
    }

    /// Methods of gRPC services that are reached as their `google.api.http` options say.
    package struct GRPC: Sendable {
        /// The name of an ``Upstream`` whose endpoints speak HTTP/2 without TLS.
        package var upstream: String
        /// The path of a `FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it.
        package var descriptors: String
        /// Full names, such as `library.v1.Library`.
        package var services: [String]
        /// Refuses members that a message does not have, which are passed over otherwise.
        package var rejectsUnknownFields = false
        /// Writes fields that have their default value as well.
        package var writesDefaults = false
        /// Writes names as the `.proto` file has them instead of in camel case.
        package var keepsNames = false
        /// Longest message of an answer, in bytes. Default 4 MiB.
        package var maximumMessage = 4 << 20

        package init(upstream: String, descriptors: String, services: [String]) {
            self.upstream = upstream
            self.descriptors = descriptors
            self.services = services
        }
    }

    /// How the path that is sent upstream differs from the one that was matched. The query stays.
    package struct Rewrite: Sendable, Equatable {
        /// Taken off the front, where it ends at a segment's end.
        package var stripPrefix: String?
        /// Put in front, after ``stripPrefix``.
        package var addPrefix: String?
        /// Maps the paths in `Location`, `Content-Location` and of cookies back to what clients see.
        package var mapsAnswers = false

        package init(stripPrefix: String? = nil, addPrefix: String? = nil, mapsAnswers: Bool = false) {
            self.stripPrefix = stripPrefix
            self.addPrefix = addPrefix
            self.mapsAnswers = mapsAnswers
        }
    }

    /// An answer that sends the client elsewhere (RFC 9110 §15.4).
    package struct Redirect: Sendable {
        /// Where to; `{path}` and `{query}` (with its question mark) are put in as the client sent them.
        package var location: String
        /// 301, 302, 303, 307 or 308.
        package var status: Int

        package init(location: String, status: Int = 308) {
            self.location = location
            self.status = status
        }
    }

    /// An answer that is always the same.
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

    /// The files of a folder, below a route's prefix. They are read when the gateway starts and when its file is read
    /// again; hidden files and links that lead out of the folder are not there.
    package struct Files: Sendable, Hashable {
        /// The folder.
        package var root: String
        /// The page of a folder.
        package var index = "index.html"
        /// Answers for pages that are not there, for single-page applications: a file below ``root``. None when nil.
        package var fallback: String?
        /// `Cache-Control` of everything but HTML.
        package var cacheControl = "public, max-age=3600"
        /// `Cache-Control` of HTML.
        package var pageCacheControl = "no-cache"

        package init(root: String) { self.root = root }
    }

    /// A JSON object with a member for each part, which are asked for side by side with GET. A part that cannot be had is
    /// `null`, and the member `missing` says why.
    package struct Aggregate: Sendable {
        package struct Part: Sendable {
            /// Of the member; not `missing`.
            package var name: String
            package var upstream: String
            /// `{name}` as a whole segment stands for the parameter of the route's path. The request's query is added.
            package var path: String
            /// From the request to the end of the part's answer. Default 2 s.
            package var timeout = TimeAmount.seconds(2)
            /// Whether there is no answer without it. Default false.
            package var isRequired = false
            /// Longest answer, in bytes. Default 1 MiB.
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

    /// Which answers are kept in memory and given again (RFC 9111, as a shared cache).
    ///
    /// What the answers say about it comes first: `Cache-Control`, `Expires`, `Vary`. Answers that set cookies are never
    /// kept. Where the route, or the request, says who asks, only those are that say they are for all: `public` or
    /// `s-maxage`.
    package struct Cache: Sendable {
        /// Longest time for which an answer is fresh, whatever it says. Default 1 h.
        package var maximumAge = TimeAmount.hours(1)
        /// How long an answer is fresh that says nothing about it. Default 0.
        package var defaultAge = TimeAmount.zero
        /// How much longer an answer may be given when the upstream fails, where the answer does not say. Default 0.
        package var staleIfError = TimeAmount.zero
        /// Longest body, in bytes. Default 1 MiB.
        package var maximumBody = 1024 * 1024
        /// Request fields by which answers differ, though `Vary` does not say so.
        package var keyHeaders: [String] = []
        /// How long a request waits for another that fetches the same. Default 5 s.
        package var wait = TimeAmount.seconds(5)

        package init() {}
    }

    /// Waits of one route; those of ``Timeouts`` where nil.
    package struct RouteTimeouts: Sendable {
        package var connect: TimeAmount?
        package var firstByte: TimeAmount?
        /// Between two reads of the answer.
        package var idle: TimeAmount?
        /// From the request's head to the end of the answer, retries included; no end when nil.
        package var total: TimeAmount?
        /// Of a connection that speaks another protocol, since the last byte of either side.
        package var tunnel: TimeAmount?

        package init() {}
    }

    /// When a request that failed is sent again, to another endpoint if there is one.
    ///
    /// Only requests whose method is safe (RFC 9110 §9.2.1), or that carry `Idempotency-Key`, whose body is short,
    /// and only while nothing of an answer has been passed on. A refused connection is tried elsewhere in any case.
    package struct Retries: Sendable {
        /// How often, after the first attempt.
        package var attempts = 1
        /// Answers that count as failures.
        package var statuses: Set<Int> = [502, 503, 504]
        /// The wait before the first retry, which doubles and is jittered by half.
        package var backoff = TimeAmount.milliseconds(25)
        /// Longest body in bytes that is kept until the answer comes; a request with a longer one is sent once.
        /// Default 64 KiB.
        package var maximumBody = 65_536

        package init() {}
    }
}

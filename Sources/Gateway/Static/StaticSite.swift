import MartletCore
import NIOCore

/// The files of a folder, such as a single-page application or documents.
///
/// The folder is read once, at start and at each reload. Only files found then are served, by the names they had then,
/// so no request ever passes a file name to the operating system. Files whose names start with a dot, and links that
/// lead out of the folder, are skipped. Up to 16 MiB are kept in memory, with a gzip copy where worthwhile; the rest is
/// read on demand.
package struct StaticSite: Sendable {
    private let files: [String: StaticFile]
    private let index: String
    /// Served for pages that do not exist.
    private let fallback: StaticFile?
    /// Whether a folder's page is served only at the path with a trailing slash, so that its relative links work.
    private let redirectsToFolders: Bool

    /// The console, or another single-page application of the platform:
    ///
    /// - `index.html` is served at `/` and at every path without a file extension that a browser requests as a page, so
    ///   that the application's routes can be bookmarked. It is revalidated on each use (`no-cache`, strong ETag).
    /// - Files under `/assets/` and `/vendor/` have a content hash or version in their names and are cached for a year.
    /// - `/docs` and `/docs/` serve `docs/index.html`.
    /// - Parameter root: the folder. When it is missing or empty, every path gets a 404 that says so.
    package init(root: String) {
        files = StaticFolder.read(root, .console) ?? [:]
        index = "index.html"
        fallback = files["/index.html"]
        redirectsToFolders = false
    }

    /// The files of a route.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` when the folder or the fallback does not exist.
    init(_ configuration: GatewayConfiguration.Files, _ resources: PolicyResources) throws(GatewayError) {
        guard let files = resources.files(configuration) else {
            throw .invalidConfiguration("routes: the folder '\(configuration.root)' does not exist")
        }
        self.files = files
        index = configuration.index
        fallback = configuration.fallback.flatMap { files["/" + $0] }
        if let name = configuration.fallback, fallback == nil {
            throw .invalidConfiguration("routes: the file '\(name)' does not exist in '\(configuration.root)'")
        }
        redirectsToFolders = true
    }

    /// Whether there is nothing to serve.
    package var isEmpty: Bool { files.isEmpty }

    /// - Parameter path: the normalized path below the root.
    func answer(_ request: RequestView, path: UnsafeRawBufferPointer) -> Result<GatewayResponse, Problem> {
        guard request.head.method == .get || request.head.method == .head else { return .failure(.onlyGetAndHead) }
        let header = { name in HeaderLookup.first(name, in: request.bytes, request.head) }
        guard let name = (try? PercentEncoding.decode(path)),
            let found = find(name, acceptsPage: { Self.acceptsPage(header("accept")) })
        else { return .failure(.fileNotFound) }
        switch found {
        case .file(let file):
            return file.answer(method: request.head.method, accepts: CodingPreference(request), header: header)
        case .folder:
            let location = String(decoding: request.path, as: UTF8.self) + "/"
            let query = String(decoding: request.bytes.slice(request.target.query), as: UTF8.self)
            guard let line = HeaderRules.line("Location", location + query) else { return .failure(.fileNotFound) }
            return .success(GatewayResponse(status: 308, fields: line, body: .bytes(ByteBuffer())))
        }
    }

    private enum Found {
        case file(StaticFile)
        /// A folder, requested without a trailing slash.
        case folder
    }

    private func find(_ name: String, acceptsPage: () -> Bool) -> Found? {
        if let file = files[name] { return .file(file) }
        let folder = name.hasSuffix("/") ? name : name + "/"
        if let page = files[folder + index] { return name == folder || !redirectsToFolders ? .file(page) : .folder }
        let last = name.split(separator: "/").last ?? ""
        guard !last.contains("."), let fallback, acceptsPage() else { return nil }
        return .file(fallback)
    }

    /// `*/*`, `text/*` or `text/html`; a request without `Accept` accepts anything (RFC 9110 §12.5.1).
    private static func acceptsPage(_ accept: String?) -> Bool {
        guard let accept else { return true }
        return accept.lowercased().split(separator: ",").contains { element in
            let type = element.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
            return type == "*/*" || type == "text/*" || type == "text/html"
        }
    }
}

extension StaticFile.ResponseFields {
    /// Rules for the console, with a strict content security policy.
    static let console = StaticFile.ResponseFields(
        cacheControl: { name in
            if name.hasPrefix("/assets/") || name.hasPrefix("/vendor/") {
                "public, max-age=31536000, immutable"
            } else if name.hasSuffix(".html") {
                "no-cache"
            } else {
                "public, max-age=3600"
            }
        },
        lines: """
            Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
            img-src 'self' data: https:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
            frame-ancestors 'none'\r
            X-Content-Type-Options: nosniff\r
            Referrer-Policy: same-origin\r
            Cross-Origin-Opener-Policy: same-origin\r
            Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r

            """)

    init(_ files: GatewayConfiguration.Files) {
        let (pages, others) = (files.pageCacheControl, files.cacheControl)
        cacheControl = { $0.hasSuffix(".html") || $0.hasSuffix(".htm") ? pages : others }
        lines = "X-Content-Type-Options: nosniff\r\n"
    }
}

extension Problem {
    static let fileNotFound = Problem(status: 404, detail: "There is nothing at this path.", code: "not_found")
}

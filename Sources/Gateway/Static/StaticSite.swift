import MartletCore
import NIOCore

/// The files of a single-page application.
///
/// The folder is read once, when the gateway starts: only files found then can be served, under the names they had
/// then, so no request ever names a file to the operating system. Files whose names start with a dot, and links that
/// lead out of the folder, are left out. Up to 16 MiB are kept in memory; what does not fit is read when asked for.
///
/// - `index.html` answers `/` and every path without a file extension that a browser asks for as a page, so that the
///   application's own routes can be bookmarked; it is never cached without asking (`no-cache`, strong ETag).
/// - Files under `/assets/` and `/vendor/` carry their content's hash or version in their names and are cached for a
///   year.
/// - `/docs` and `/docs/` answer `docs/index.html`.
public struct StaticSite: Sendable {
    private let files: [String: StaticFile]

    /// - Parameter root: the folder. When it is missing or empty, every path is a 404 that says so.
    public init(root: String) {
        files = StaticFolder.read(root)
    }

    /// Whether there is anything to serve.
    public var isEmpty: Bool { files.isEmpty }

    /// - Parameters:
    ///   - path: in its normal form.
    ///   - header: the first field of a name.
    func answer(
        method: RequestMethod, path: UnsafeRawBufferPointer, header: (StaticString) -> String?
    ) -> Result<Answer, Problem> {
        guard method == .get || method == .head else { return .failure(.methodNotAllowed) }
        guard !isEmpty else {
            return .failure(Problem(status: 404, detail: "The console is not installed.", code: "not_found"))
        }
        guard let name = Self.decoded(path), let file = find(name, acceptsPage: { Self.acceptsPage(header("accept")) })
        else {
            return .failure(Problem(status: 404, detail: "Nothing is found at this path.", code: "not_found"))
        }
        if let tags = header("if-none-match"), Self.matches(tags, file.etag) {
            return .success(Answer(status: 304, fields: file.validatorFields, body: .bytes(ByteBuffer())))
        }
        switch file.content {
        case .memory(let bytes): return .success(Answer(status: 200, fields: file.fields, body: .bytes(bytes)))
        case .disk(let path, let size):
            return .success(
                Answer(status: 200, fields: file.fields, body: .file(StaticFileReader(path: path, size: size))))
        }
    }

    private func find(_ name: String, acceptsPage: () -> Bool) -> StaticFile? {
        if let file = files[name] { return file }
        let folder = name.hasSuffix("/") ? name : name + "/"
        if let index = files[folder + "index.html"] { return index }
        let last = name.split(separator: "/").last ?? ""
        guard !last.contains("."), acceptsPage() else { return nil }
        return files["/index.html"]
    }

    /// `*/*`, `text/*` or `text/html`; a request without `Accept` takes anything (RFC 9110 §12.5.1).
    private static func acceptsPage(_ accept: String?) -> Bool {
        guard let accept else { return true }
        return accept.lowercased().split(separator: ",").contains { element in
            let type = element.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
            return type == "*/*" || type == "text/*" || type == "text/html"
        }
    }

    /// RFC 9110 §13.1.2: weak comparison.
    private static func matches(_ tags: String, _ etag: String) -> Bool {
        tags.split(separator: ",").contains { tag in
            var tag = tag.drop { $0 == " " || $0 == "\t" }
            while tag.last == " " || tag.last == "\t" { tag.removeLast() }
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            return tag == "*" || tag == etag
        }
    }

    /// The path without percent-encoding; nil when that is no text.
    private static func decoded(_ path: UnsafeRawBufferPointer) -> String? {
        var bytes: [UInt8] = []
        var index = 0
        while index < path.count {
            if path[index] == ASCII.percent, index + 2 < path.count, let high = ASCII.hexadecimalValue(path[index + 1]),
                let low = ASCII.hexadecimalValue(path[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(path[index])
                index += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A file with everything its answers need.
struct StaticFile: Sendable {
    enum Content: Sendable {
        case memory(ByteBuffer)
        case disk(path: String, size: Int)
    }

    let content: Content
    let etag: String
    /// Of a 304: what a cache updates.
    let validatorFields: [UInt8]
    /// Of a 200.
    let fields: [UInt8]

    /// - Parameter name: the path below the site's root, with a slash at the start.
    init(name: String, content: Content, etag: String) {
        self.content = content
        self.etag = etag
        let cacheControl =
            if name.hasPrefix("/assets/") || name.hasPrefix("/vendor/") {
                "public, max-age=31536000, immutable"
            } else if name.hasSuffix(".html") {
                "no-cache"
            } else {
                "public, max-age=3600"
            }
        let validators = "ETag: \(etag)\r\nCache-Control: \(cacheControl)\r\n"
        validatorFields = Array(validators.utf8)
        fields = Array("Content-Type: \(ContentType.of(name))\r\n\(validators)\(Self.securityFields)".utf8)
    }

    private static let securityFields = """
        Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
        img-src 'self' data: https:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
        frame-ancestors 'none'\r
        X-Content-Type-Options: nosniff\r
        Referrer-Policy: same-origin\r
        Cross-Origin-Opener-Policy: same-origin\r
        Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r

        """
}

/// Media types by file extension.
enum ContentType {
    static func of(_ name: String) -> String {
        let file = name.split(separator: "/").last ?? ""
        guard let dot = file.lastIndex(of: ".") else { return "application/octet-stream" }
        return switch file[file.index(after: dot)...].lowercased() {
        case "html", "htm": "text/html; charset=utf-8"
        case "js", "mjs": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "json", "map": "application/json"
        case "webmanifest": "application/manifest+json"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "jpg", "jpeg": "image/jpeg"
        case "gif": "image/gif"
        case "webp": "image/webp"
        case "avif": "image/avif"
        case "ico": "image/vnd.microsoft.icon"
        case "woff": "font/woff"
        case "woff2": "font/woff2"
        case "ttf": "font/ttf"
        case "otf": "font/otf"
        case "txt", "md": "text/plain; charset=utf-8"
        case "xml": "application/xml"
        case "pdf": "application/pdf"
        case "wasm": "application/wasm"
        default: "application/octet-stream"
        }
    }
}

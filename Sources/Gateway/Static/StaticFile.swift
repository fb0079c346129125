import MartletCore
import NIOCore

/// A file with everything its responses need.
struct StaticFile: Sendable {
    enum Content: Sendable {
        /// In memory, with a gzip copy if that is worthwhile.
        case memory(ByteBuffer, gzip: ByteBuffer?)
        case disk(path: String)
    }

    /// The fields of responses.
    struct ResponseFields: Sendable {
        /// Returns `Cache-Control` for a path below the root.
        var cacheControl: @Sendable (_ name: String) -> String
        /// Additional field lines of a 200 response.
        var lines: String
    }

    let content: Content
    /// Strong, with its quotes.
    let etag: String
    let version: FileVersion
    /// Fields of every response, including 304.
    private let validators: String
    private let type: String
    private let lines: String

    /// - Parameter name: the path below the root, with a leading slash.
    init(name: String, content: Content, etag: String, version: FileVersion, rules: ResponseFields) {
        self.content = content
        self.etag = etag
        self.version = version
        validators =
            "Last-Modified: \(HTTPDate.text(version.seconds))\r\nCache-Control: \(rules.cacheControl(name))\r\n"
        type = "Content-Type: \(ContentType.of(name))\r\n"
        lines = rules.lines
    }

    private var modified: Int64 { version.seconds }

    var size: Int {
        switch content {
        case .memory(let bytes, _): bytes.readableBytes
        case .disk: version.size
        }
    }

    /// The memory it uses, in bytes; 0 for files read on demand.
    var memory: Int {
        switch content {
        case .memory(let bytes, let gzip): bytes.readableBytes + (gzip?.readableBytes ?? 0)
        case .disk: 0
        }
    }

    /// The response to a GET or HEAD. Uses a stored gzip copy if there is one, and never compresses on the fly.
    /// - Parameter header: returns the value of a field.
    func answer(
        method: RequestMethod, accepts preference: CodingPreference, header: (StaticString) -> String?
    ) -> Result<GatewayResponse, Problem> {
        var gzip: ByteBuffer?
        if case .memory(_, let compressed?) = content { gzip = compressed }
        let vary = gzip == nil ? "" : "Vary: Accept-Encoding\r\n"
        // Ranges refer to the uncompressed content.
        let range =
            method == .get
                && Preconditions.allowsRange(etag: etag, modified: modified, ifRange: header("if-range"))
            ? ByteRangeRequest(header("range"), size: size) : .whole
        let isCompressed = gzip != nil && preference.coding == .gzip && range == .whole
        let tag = "ETag: \(isCompressed ? "W/" : "")\(etag)\r\n"
        switch Preconditions.check(etag: etag, modified: modified, header: header) {
        case .proceed: break
        case .notModified:
            let fields = Array((tag + validators + vary).utf8)
            return .success(GatewayResponse(status: 304, fields: fields, body: .bytes(ByteBuffer()), isFinal: true))
        case .failed:
            return .failure(
                Problem(status: 412, detail: "The file does not match the precondition.", code: "precondition_failed")
            )
        }
        var fields = type + tag + validators + vary + lines
        switch range {
        case .whole:
            if isCompressed, let gzip {
                fields += "Content-Encoding: gzip\r\n"
                return .success(
                    GatewayResponse(status: 200, fields: Array(fields.utf8), body: .bytes(gzip), isFinal: true))
            }
            fields += "Accept-Ranges: bytes\r\n"
            return .success(
                GatewayResponse(status: 200, fields: Array(fields.utf8), body: body(0..<size), isFinal: true))
        case .part(let part):
            fields += "Content-Range: bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)\r\n"
            return .success(GatewayResponse(status: 206, fields: Array(fields.utf8), body: body(part), isFinal: true))
        case .unsatisfiable:
            return .failure(
                Problem(
                    status: 416, detail: "The file has only \(size) bytes.", code: "range_not_satisfiable",
                    headers: [("Content-Range", "bytes */\(size)")]))
        }
    }

    private func body(_ range: Range<Int>) -> GatewayResponse.Body {
        switch content {
        case .memory(let bytes, _):
            .bytes(bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer())
        case .disk(let path):
            .file(StaticFileReader(path: path, version: version, range: range))
        }
    }
}

import MartletCore
import NIOCore

/// An answer of the gateway's own.
struct GatewayResponse {
    enum Body {
        case bytes(ByteBuffer)
        case file(StaticFileReader)
    }

    var status: Int
    /// Field lines with their line ends, except length, date, request id and connection.
    var fields: [UInt8]
    var body: Body
    /// Whether the content must keep its present coding.
    private(set) var isFinal = false
    /// Whether the head states the length of the content.
    var includesLength = true
    private var isProblem = false

    init(status: Int, fields: [UInt8], body: Body, isFinal: Bool = false) {
        self.status = status
        self.fields = fields
        self.body = body
        self.isFinal = isFinal
    }

    /// RFC 9457.
    init(_ problem: Problem, instance: String?, requestID: [UInt8]) {
        status = problem.status
        isProblem = true
        fields = Array(
            "Content-Type: application/problem+json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                .utf8)
        for (name, value) in problem.headers { Self.append(name, value, to: &fields) }
        let json = problem.json(instance: instance, requestID: String(decoding: requestID, as: UTF8.self))
        body = .bytes(ByteBuffer(bytes: json))
    }

    init(_ response: LocalResponse, instance: String, requestID: [UInt8]) {
        if let problem = response.problem {
            self.init(problem, instance: instance, requestID: requestID)
            return
        }
        var fields: [UInt8] = []
        Self.append("Content-Type", response.contentType, to: &fields)
        for (name, value) in response.headers { Self.append(name, value, to: &fields) }
        self.init(
            status: (200..<600).contains(response.status) ? response.status : 500, fields: fields,
            body: .bytes(ByteBuffer(bytes: response.body)))
    }

    /// Skips fields that would break the framing.
    private static func append(_ name: String, _ value: String, to fields: inout [UInt8]) {
        let line = Array("\(name): \(value)".utf8)
        let parsed = line.withUnsafeBytes { bytes -> RequestField? in
            guard let line = try? HeaderLine(bytes, 0, bytes.count) else { return nil }
            return RequestField(bytes.slice(ByteRange(0, line.nameEnd)))
        }
        guard let parsed, parsed != .contentLength, parsed != .transferEncoding, parsed != .connection else { return }
        fields += line
        fields += [ASCII.carriageReturn, ASCII.lineFeed]
    }

    /// Removes the fields that a route does not want in its responses.
    /// - Parameter names: in lower case.
    mutating func applyRemovals(_ names: [[UInt8]]) {
        guard !names.isEmpty else { return }
        // Content cannot be read without its coding, and caches must never store a problem.
        remove(names.filter { $0 != Self.contentEncoding && !(isProblem && $0 == Self.cacheControl) })
    }

    /// Removes fields.
    /// - Parameter names: in lower case.
    mutating func remove(_ names: [[UInt8]]) {
        let cuts = fields.withUnsafeBytes { bytes in
            HeaderEdits.cuts([], removing: names, in: bytes, headers: ByteRange(0, bytes.count))
        }
        for cut in cuts.reversed() { fields.removeSubrange(cut.start..<cut.end) }
    }

    private static let cacheControl = Array("cache-control".utf8)
    private static let contentEncoding = Array("content-encoding".utf8)

    var length: Int {
        switch body {
        case .bytes(let bytes): bytes.readableBytes
        case .file(let file): file.count
        }
    }

    func writeHead(
        to out: inout ByteBuffer, requestID: [UInt8], date: [UInt8], connection: ConnectionAnnouncement
    ) {
        out.writeStaticString("HTTP/1.1 ")
        out.writeString(String(status))
        out.writeInteger(ASCII.space)
        out.writeString(Self.reasonPhrase(status))
        out.writeStaticString("\r\n")
        out.writeBytes(fields)
        out.writeBytes(date)
        out.writeStaticString("X-Request-ID: ")
        out.writeBytes(requestID)
        out.writeStaticString("\r\n")
        if includesLength, status != 204, status != 304 {
            out.writeStaticString("Content-Length: ")
            out.writeString(String(length))
            out.writeStaticString("\r\n")
        }
        out.writeStaticString(connection.line)
        out.writeStaticString("\r\n")
    }

    private static func reasonPhrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400...: Problem.reasonPhrase(status)
        default: status < 300 ? "Success" : "Redirection"
        }
    }
}

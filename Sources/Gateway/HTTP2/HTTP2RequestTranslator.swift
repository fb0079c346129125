import NIOCore
import NIOHPACK

/// Translates an HTTP/2 request (RFC 9113 §8) to HTTP/1.1 bytes for the common data plane. Performs no I/O.
///
/// Everything written into a head is checked byte by byte, since a smuggled line could become a second request behind
/// the gateway. Other checks, such as the grammar of `Host` and the number of fields, are left to
/// ``RequestHeadParser``, which parses the head next and answers with a problem.
struct HTTP2RequestTranslator {
    /// Why a request is malformed (RFC 9113 §8.1.1). Its stream is reset.
    enum Malformed: Error, Equatable {
        case pseudoHeader, fieldName, fieldValue, connectionField, host, contentLength, trailers, sequence
    }

    private enum State: Equatable {
        case head
        /// This many bytes of the `Content-Length` remain.
        case body(remaining: Int)
        case chunkedBody
        case complete
    }

    private var state = State.head
    /// The request's method, which the response's framing depends on.
    private(set) var method = RequestMethod.other

    var isComplete: Bool { state == .complete }

    /// Handles a HEADERS frame: the request's head, or its trailers, which are dropped.
    mutating func receive(
        _ headers: HPACKHeaders, endsStream: Bool, writingTo out: inout ByteBuffer
    ) throws(Malformed) {
        switch state {
        case .head:
            try writeHead(headers, endsStream: endsStream, to: &out)
        case .body, .chunkedBody:
            guard endsStream else { throw .trailers }
            for (name, value, _) in headers {
                guard HTTP2Field.isValidName(name) else { throw .trailers }
                guard HTTP2Field.isValidValue(value) else { throw .fieldValue }
            }
            try end(&out)
        case .complete:
            throw .sequence
        }
    }

    /// Handles a DATA frame.
    mutating func receive(_ data: ByteBuffer, endsStream: Bool, writingTo out: inout ByteBuffer) throws(Malformed) {
        let count = data.readableBytes
        switch state {
        case .body(let remaining):
            guard count <= remaining else { throw .contentLength }
            state = .body(remaining: remaining - count)
            Self.append(data, to: &out)
        case .chunkedBody:
            if count > 0 {
                out.writeString(String(count, radix: 16))
                out.writeStaticString("\r\n")
                out.writeImmutableBuffer(data)
                out.writeStaticString("\r\n")
            }
        case .head, .complete:
            throw .sequence
        }
        if endsStream { try end(&out) }
    }

    private mutating func end(_ out: inout ByteBuffer) throws(Malformed) {
        switch state {
        case .body(let remaining):
            guard remaining == 0 else { throw .contentLength }
        case .chunkedBody:
            out.writeStaticString("0\r\n\r\n")
        case .head, .complete:
            throw .sequence
        }
        state = .complete
    }

    /// Avoids a copy if the output is empty.
    private static func append(_ data: ByteBuffer, to out: inout ByteBuffer) {
        if out.readableBytes == 0 { out = data } else { out.writeImmutableBuffer(data) }
    }

    // MARK: the head

    private mutating func writeHead(
        _ headers: HPACKHeaders, endsStream: Bool, to out: inout ByteBuffer
    ) throws(Malformed) {
        let line = try HTTP2RequestLine(headers)
        method = line.method.withBytes { RequestMethod($0) }
        line.write(to: &out)
        var length: Int?
        var hasCookie = false
        for (name, value, _) in headers where !name.utf8.starts(with: CollectionOfOne(ASCII.colon)) {
            guard HTTP2Field.isValidName(name) else { throw .fieldName }
            guard HTTP2Field.isValidValue(value) else { throw .fieldValue }
            switch name {
            case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
                throw .connectionField
            case "te":
                // Hop-by-hop, and the gateway drops trailers.
                guard value == "trailers" else { throw .connectionField }
            case "host":
                guard let authority = line.authority else {
                    HTTP2Field.write(name, value, to: &out)
                    continue
                }
                // RFC 9113 §8.3.1: a Host that differs from :authority makes the request malformed.
                guard authority.lowercased() == value.lowercased() else { throw .host }
            case "cookie":
                hasCookie = true
            case "content-length":
                guard length == nil, let parsed = value.withBytes({ try? ContentLength.parse($0) }) else {
                    throw .contentLength
                }
                length = parsed
                HTTP2Field.write(name, value, to: &out)
            default:
                HTTP2Field.write(name, value, to: &out)
            }
        }
        if hasCookie { Self.writeCookies(headers, to: &out) }
        if endsStream {
            guard length ?? 0 == 0 else { throw .contentLength }
            // RFC 9110 §8.6: servers expect a length for these methods.
            if length == nil, method == .post || method == .put || method == .patch {
                out.writeStaticString("content-length: 0\r\n")
            }
            state = .complete
        } else if let length {
            state = .body(remaining: length)
        } else {
            out.writeStaticString("transfer-encoding: chunked\r\n")
            state = .chunkedBody
        }
        out.writeStaticString("\r\n")
    }

    /// RFC 9113 §8.2.3: HTTP/2 clients may split `Cookie` into several fields; HTTP/1.1 has one.
    private static func writeCookies(_ headers: HPACKHeaders, to out: inout ByteBuffer) {
        out.writeStaticString("cookie: ")
        var isFirst = true
        for (name, value, _) in headers where name == "cookie" {
            if !isFirst { out.writeStaticString("; ") }
            isFirst = false
            out.writeBytes(HTTP2Text.bytes(value))
        }
        out.writeStaticString("\r\n")
    }
}

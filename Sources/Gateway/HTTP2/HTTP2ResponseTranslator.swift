import NIOCore
import NIOHPACK

/// Translates an HTTP/1.1 response of the data plane to the frames of an HTTP/2 stream (RFC 9113 §8.1). Performs no
/// I/O.
struct HTTP2ResponseTranslator {
    enum Part: Equatable {
        /// HEADERS of an interim or the final response.
        case head(HPACKHeaders, endsStream: Bool)
        case data(ByteBuffer, endsStream: Bool)
        case needMore
    }

    private enum State { case head, body, complete }

    private var state = State.head
    private var parser = ResponseHeadParser()
    private var body = BodyReader(.none)
    private var pending = ByteBuffer()
    /// Data held back while looking for the end of the body.
    private var held: ByteBuffer?
    /// Whether the data plane will close after the response.
    private(set) var announcesClose = false

    var isComplete: Bool { state == .complete }

    mutating func append(_ bytes: ByteBuffer) { pending.append(received: bytes) }

    /// The next frame to send.
    /// - Parameter method: the request's method, which the response's framing depends on.
    mutating func next(_ method: RequestMethod) throws(HTTPError) -> Part {
        switch state {
        case .head: return try nextHead(method)
        case .body: return try nextData()
        case .complete: return .needMore
        }
    }

    private mutating func nextHead(_ method: RequestMethod) throws(HTTPError) -> Part {
        var isComplete = false
        var failure: HTTPError?
        var headers = HPACKHeaders()
        pending.withUnsafeReadableBytes { bytes in
            do throws(HTTPError) {
                isComplete = try parser.parse(bytes)
                if isComplete { headers = Self.headers(parser.head, in: bytes) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard isComplete else { return .needMore }
        pending.moveReaderIndex(forwardBy: parser.head.end)
        defer { parser.reset() }
        guard parser.head.status >= 200 else {
            // RFC 9113 §8.6: HTTP/2 has no protocol switch.
            guard parser.head.status != 101 else { throw .invalidStatusLine }
            return .head(headers, endsStream: false)
        }
        announcesClose = parser.head.wantsClose
        let framing = parser.head.framing(for: method)
        // The data plane delimits every body for an HTTP/1.1 client.
        guard framing != .untilClose else { throw .invalidTransferEncoding }
        body = BodyReader(framing)
        state = framing == .none ? .complete : .body
        return .head(headers, endsStream: framing == .none)
    }

    private mutating func nextData() throws(HTTPError) -> Part {
        var data = held
        held = nil
        while true {
            switch try body.next(in: &pending) {
            case .data(let found):
                guard let data else {
                    data = found
                    continue
                }
                held = found
                return .data(data, endsStream: false)
            case .needMore:
                if pending.readableBytes == 0 { pending = ByteBuffer() }
                guard let data else { return .needMore }
                return .data(data, endsStream: false)
            case .end:
                state = .complete
                pending = ByteBuffer()
                return .data(data ?? ByteBuffer(), endsStream: true)
            }
        }
    }

    // MARK: the head

    /// Values are encoded by ``HTTP2Text``.
    private static func headers(_ head: ResponseHead, in bytes: UnsafeRawBufferPointer) -> HPACKHeaders {
        var headers = HPACKHeaders()
        headers.reserveCapacity(16)
        headers.add(name: ":status", value: String(head.status))
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            guard !isConnectionSpecific(name) else { return }
            headers.add(
                name: String(unsafeUninitializedCapacity: name.count) { lowercased in
                    for index in 0..<name.count { lowercased[index] = ASCII.lowercased(name[index]) }
                    return name.count
                },
                value: HTTP2Text.text(value), indexing: indexing(name))
        }
        return headers
    }

    /// RFC 9113 §8.2.2.
    private static func isConnectionSpecific(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 7: name.equalsIgnoringCase("upgrade") || name.equalsIgnoringCase("trailer")
        case 10: name.equalsIgnoringCase("connection") || name.equalsIgnoringCase("keep-alive")
        case 16: name.equalsIgnoringCase("proxy-connection")
        case 17: name.equalsIgnoringCase("transfer-encoding")
        default: false
        }
    }

    /// Values that differ with each response would evict others from the table, and secrets must not be in it (RFC 7541
    /// §7.1.3).
    private static func indexing(_ name: UnsafeRawBufferPointer) -> HPACKIndexing {
        switch name.count {
        case 3 where name.equalsIgnoringCase("age"): .nonIndexable
        case 4 where name.equalsIgnoringCase("etag"): .nonIndexable
        case 8 where name.equalsIgnoringCase("location"): .nonIndexable
        case 10 where name.equalsIgnoringCase("set-cookie"): .neverIndexed
        case 12 where name.equalsIgnoringCase("x-request-id"): .nonIndexable
        case 13 where name.equalsIgnoringCase("content-range"): .nonIndexable
        case 13 where name.equalsIgnoringCase("last-modified"): .nonIndexable
        case 14 where name.equalsIgnoringCase("content-length"): .nonIndexable
        default: .indexable
        }
    }
}

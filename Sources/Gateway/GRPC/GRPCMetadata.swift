import NIOCore
import NIOHPACK

/// Converts HTTP fields to gRPC metadata and back.
enum GRPCMetadata {
    /// The head of a call. Includes the request's fields except those about its body or the connection.
    /// - Parameter head: the upstream request's head, as ``HeaderEdits`` writes it.
    static func request(_ head: ByteBuffer, path: String, timeout: TimeAmount?) -> HPACKHeaders {
        var headers = HPACKHeaders()
        headers.add(name: ":method", value: "POST")
        headers.add(name: ":scheme", value: "http")
        headers.add(name: ":path", value: path)
        var authority = "localhost"
        var fields: [(String, String)] = []
        head.withUnsafeReadableBytes { bytes in
            guard let lineEnd = bytes.firstIndex(of: ASCII.lineFeed) else { return }
            let range = ByteRange(lineEnd + 1, max(lineEnd + 1, bytes.count - 2))
            Nomination.forEachLine(in: bytes, headers: range) { name, value, _ in
                if name.equalsIgnoringCase("host") {
                    authority = String(decoding: value, as: UTF8.self)
                } else if isPassed(name), value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
                    fields.append(
                        (
                            String(decoding: name.map(ASCII.lowercased), as: UTF8.self),
                            String(decoding: value, as: UTF8.self)
                        ))
                }
            }
        }
        headers.add(name: ":authority", value: authority)
        headers.add(name: "te", value: "trailers")
        headers.add(name: "content-type", value: "application/grpc")
        if let timeout { headers.add(name: "grpc-timeout", value: self.timeout(timeout)) }
        for (name, value) in fields {
            let isKept = value.utf8.count <= HeaderBlockEncoder.longestKept
            headers.add(name: name, value: value, indexing: isKept ? .indexable : .nonIndexable)
        }
        return headers
    }

    /// Whether a head fits into the single frame available for it.
    static func fits(_ headers: HPACKHeaders) -> Bool {
        var size = 0
        for (name, value, _) in headers {
            size += name.withBytes(encodedSize) + 8
            size += value.withBytes(encodedSize)
        }
        return size <= maximumHead
    }

    /// swift-nio-http2 writes a header section into one frame, and 16 KiB is what every server accepts in one (RFC 9113
    /// §4.2).
    private static let maximumHead = 16_384

    /// An upper bound for the Huffman code of RFC 7541, in which rare characters take more than a byte.
    private static func encodedSize(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.reduce(0) { size, byte in
            size + (ASCIISet.shortHuffmanCode.contains(byte) ? 1 : byte < 0x7F ? 3 : 4)
        }
    }

    /// Whether the field is not one of the protocol's own.
    private static func isPassed(_ name: UnsafeRawBufferPointer) -> Bool {
        let dropped: [StaticString] = [
            "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
            "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        ]
        return !name.hasPrefixIgnoringCase("grpc-") && !dropped.contains { name.equalsIgnoringCase($0) }
    }

    /// At most eight digits and a unit.
    static func timeout(_ amount: TimeAmount) -> String {
        let milliseconds = max(1, amount.nanoseconds / 1_000_000)
        return milliseconds < 100_000_000 ? "\(milliseconds)m" : "\(min(99_999_999, milliseconds / 1000))S"
    }

    /// The metadata of a response as field lines.
    static func response(_ headers: HPACKHeaders) -> [UInt8] {
        var lines: [UInt8] = []
        for (name, value, _) in headers where isPassedBack(name) {
            if let line = HeaderRules.line(name, value) { lines += line }
        }
        return lines
    }

    private static func isPassedBack(_ name: String) -> Bool {
        guard !name.hasPrefix(":"), !name.hasPrefix("grpc-"), !name.isEmpty,
            name.utf8.allSatisfy(ASCIISet.token.contains)
        else { return false }
        switch name {
        // `server` is dropped to hide which software runs behind the gateway.
        case "connection", "content-encoding", "content-length", "content-type", "date", "keep-alive",
            "proxy-authenticate", "proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade",
            "x-request-id":
            return false
        default: return true
        }
    }
}

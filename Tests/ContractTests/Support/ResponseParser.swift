import NIOHTTP1

/// Parses consecutive responses on a connection (RFC 9112 §6).
enum ResponseParser {
    /// - Returns: the complete responses.
    static func parse(_ bytes: [UInt8], isHead: Bool, isClosed: Bool) -> [Response] {
        var rest = bytes[...]
        var responses: [Response] = []
        while let (response, next) = first(in: rest, isHead: isHead, isClosed: isClosed) {
            if response.status >= 200 { responses.append(response) }
            rest = rest[next...]
        }
        return responses
    }

    private static func first(
        in bytes: ArraySlice<UInt8>, isHead: Bool, isClosed: Bool
    ) -> (Response, next: Int)? {
        guard let end = find([13, 10, 13, 10], in: bytes) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        let statusLine = lines[0].split(separator: " ", maxSplits: 2)
        guard statusLine.count >= 2, statusLine[0].hasPrefix("HTTP/1."), let status = Int(statusLine[1]) else {
            return nil
        }
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { headers.add(name: String(parts[0]), value: String(parts[1].drop { $0 == " " })) }
        }
        let start = end + 4
        guard let (body, next) = body(bytes[start...], status, headers, isHead: isHead, isClosed: isClosed) else {
            return nil
        }
        return (Response(status: status, headers: headers, body: body), next)
    }

    private static func body(
        _ bytes: ArraySlice<UInt8>, _ status: Int, _ headers: HTTPHeaders, isHead: Bool, isClosed: Bool
    ) -> ([UInt8], next: Int)? {
        if isHead || status < 200 || status == 204 || status == 304 { return ([], bytes.startIndex) }
        if headers["Transfer-Encoding"].contains("chunked") { return chunks(bytes) }
        if let length = headers["Content-Length"].first.flatMap({ Int($0) }) {
            guard bytes.count >= length else { return nil }
            return (Array(bytes.prefix(length)), bytes.startIndex + length)
        }
        return isClosed ? (Array(bytes), bytes.endIndex) : nil
    }

    private static func chunks(_ bytes: ArraySlice<UInt8>) -> ([UInt8], next: Int)? {
        var rest = bytes
        var body: [UInt8] = []
        while let lineEnd = find([13, 10], in: rest) {
            let digits = String(decoding: rest[..<lineEnd], as: UTF8.self).prefix { $0 != ";" }
            guard let size = Int(digits, radix: 16), rest.endIndex - lineEnd >= size + 4 else { return nil }
            body += rest[(lineEnd + 2)..<(lineEnd + 2 + size)]
            rest = rest[(lineEnd + 4 + size)...]
            if size == 0 { return (body, rest.startIndex) }
        }
        return nil
    }

    private static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - pattern.count)).first {
            bytes[$0..<($0 + pattern.count)].elementsEqual(pattern)
        }
    }
}

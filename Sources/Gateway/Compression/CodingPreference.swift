/// The content codings that the gateway supports (RFC 9110 §8.4.1).
enum ContentCoding: Sendable, Equatable {
    case gzip
    /// The zlib format, despite the name.
    case deflate

    var name: String { self == .gzip ? "gzip" : "deflate" }
}

/// The coding that `Accept-Encoding` prefers (RFC 9110 §12.5.3).
struct CodingPreference: Sendable, Equatable {
    /// The coding to use; nil for none.
    private(set) var coding: ContentCoding?
    /// Whether the client refuses uncoded content.
    private(set) var refusesIdentity = false

    private struct Weights {
        var gzip: Int?
        var deflate: Int?
        var identity: Int?
        var others: Int?
    }

    /// A client without the field gets uncoded content, although it would have to accept any coding.
    init(_ request: RequestView) {
        self.init(request.bytes, headers: request.head.headers)
    }

    init(_ bytes: UnsafeRawBufferPointer, headers: ByteRange) {
        var weights = Weights()
        Nomination.forEachLine(in: bytes, headers: headers) { name, value, _ in
            guard name.equalsIgnoringCase("accept-encoding") else { return }
            ListElements.forEach(in: value) { Self.read($0, into: &weights) }
        }
        let gzip = weights.gzip ?? weights.others ?? 0
        let deflate = weights.deflate ?? weights.others ?? 0
        refusesIdentity = (weights.identity ?? weights.others) == 0
        // Unlisted codings are acceptable, but a listed one is preferred.
        guard max(gzip, deflate) > 0, max(gzip, deflate) >= weights.identity ?? 0 else { return }
        coding = gzip >= deflate ? .gzip : .deflate
    }

    private static func read(_ element: UnsafeRawBufferPointer, into weights: inout Weights) {
        let end = element.firstIndex(of: ASCII.semicolon) ?? element.count
        let name = trimmed(element, 0, end)
        guard let weight = end == element.count ? 1000 : weight(trimmed(element, end + 1, element.count)) else {
            return
        }
        if name.equalsIgnoringCase("gzip") || name.equalsIgnoringCase("x-gzip") {
            weights.gzip = weight
        } else if name.equalsIgnoringCase("deflate") {
            weights.deflate = weight
        } else if name.equalsIgnoringCase("identity") {
            weights.identity = weight
        } else if name.equalsIgnoringCase("*") {
            weights.others = weight
        }
    }

    /// `q=0.5` in thousandths (RFC 9110 §12.4.2); nil for an invalid weight.
    private static func weight(_ parameter: UnsafeRawBufferPointer) -> Int? {
        guard (3...7).contains(parameter.count), ASCII.lowercased(parameter[0]) == 0x71, parameter[1] == 0x3D,
            parameter[2] == ASCII.zero || parameter[2] == ASCII.zero + 1,
            parameter.count == 3 || parameter[3] == ASCII.dot
        else { return nil }
        var value = Int(parameter[2] - ASCII.zero) * 1000
        var unit = 100
        for byte in parameter.dropFirst(4) {
            guard (ASCII.zero...ASCII.nine).contains(byte) else { return nil }
            value += Int(byte - ASCII.zero) * unit
            unit /= 10
        }
        return value <= 1000 ? value : nil
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        var (first, last) = (start, end)
        while first < last, bytes[first] == ASCII.space || bytes[first] == ASCII.tab { first += 1 }
        while last > first, bytes[last - 1] == ASCII.space || bytes[last - 1] == ASCII.tab { last -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[first..<last])
    }
}

/// Which responses of a route are compressed. A class, since every response refers to it.
final class CompressionPolicy: Sendable {
    private enum TypePattern: Sendable {
        case exact([UInt8])
        /// `text/*`
        case prefix([UInt8])
        /// `*+json`
        case suffix([UInt8])
    }

    private let types: [TypePattern]
    let minimum: Int
    let level: Int

    /// The policy for the gateway's own responses.
    static let standard = CompressionPolicy(GatewayConfiguration.Compression())

    init(_ compression: GatewayConfiguration.Compression) {
        minimum = compression.minimum
        level = compression.level
        types = compression.types.map { type in
            let type = type.lowercased()
            if type.hasSuffix("/*") { return .prefix(Array(type.dropLast().utf8)) }
            if type.hasPrefix("*+") { return .suffix(Array(type.dropFirst().utf8)) }
            return .exact(Array(type.utf8))
        }
    }

    /// - Parameter value: the value of `Content-Type`.
    func covers(_ value: UnsafeRawBufferPointer) -> Bool {
        var end = value.firstIndex(of: ASCII.semicolon) ?? value.count
        while end > 0, value[end - 1] == ASCII.space || value[end - 1] == ASCII.tab { end -= 1 }
        let type = UnsafeRawBufferPointer(rebasing: value[..<end])
        // Events must arrive when they happen, not when there is enough to compress.
        if type.equalsIgnoringCase("text/event-stream") { return false }
        return types.contains { pattern in
            switch pattern {
            case .exact(let name): type.equalsIgnoringCase(name)
            case .prefix(let start):
                type.count > start.count
                    && UnsafeRawBufferPointer(rebasing: type.prefix(start.count)).equalsIgnoringCase(start)
            case .suffix(let ending):
                type.count > ending.count
                    && UnsafeRawBufferPointer(rebasing: type.suffix(ending.count)).equalsIgnoringCase(ending)
            }
        }
    }
}

/// A route's policy together with the client's preference.
struct CompressionOffer: Sendable {
    let policy: CompressionPolicy
    let preference: CodingPreference

    init(_ policy: CompressionPolicy, _ request: RequestView) {
        self.policy = policy
        preference = CodingPreference(request)
    }
}

/// The decision for one response.
struct CompressionPlan {
    /// The coding to apply; nil leaves the content unchanged.
    private(set) var coding: ContentCoding?
    private var weakETag: [UInt8]?
    private var needsVary = false

    /// - Parameters:
    ///   - length: the length of the content; nil when unknown.
    ///   - canStream: whether the end of the response is visible without its length.
    /// - Returns: nil when the policy does not apply to the response.
    init?(
        _ offer: CompressionOffer, _ bytes: UnsafeRawBufferPointer, headers: ByteRange, status: Int, length: Int?,
        canStream: Bool
    ) {
        // A part has the coding of its whole; 204 has no content.
        guard status != 206, status != 204 else { return nil }
        var isCovered = false
        var isFinal = false
        var etag: UnsafeRawBufferPointer?
        var isVarying = false
        Nomination.forEachLine(in: bytes, headers: headers) { name, value, _ in
            switch name.count {
            case 4 where name.equalsIgnoringCase("etag"): etag = value
            case 4 where name.equalsIgnoringCase("vary"):
                ListElements.forEach(in: value) {
                    if $0.equalsIgnoringCase("accept-encoding") || $0.equalsIgnoringCase("*") { isVarying = true }
                }
            case 12 where name.equalsIgnoringCase("content-type"): isCovered = offer.policy.covers(value)
            case 13 where name.equalsIgnoringCase("cache-control"):
                ListElements.forEach(in: value) { if $0.equalsIgnoringCase("no-transform") { isFinal = true } }
            case 16 where name.equalsIgnoringCase("content-encoding"):
                if !value.equalsIgnoringCase("identity") { isFinal = true }
            // A part, or a digest of the content as it is (RFC 9530).
            case 13 where name.equalsIgnoringCase("content-range"), 14 where name.equalsIgnoringCase("content-digest"),
                11 where name.equalsIgnoringCase("repr-digest") || name.equalsIgnoringCase("content-md5"),
                6 where name.equalsIgnoringCase("digest"):
                isFinal = true
            default: break
            }
        }
        guard !isFinal, isCovered || status == 304 else { return nil }
        needsVary = !isVarying
        guard let wanted = offer.preference.coding, canStream, length != 0 else { return }
        // A 304 must name the version that the client has, which was compressed.
        if let etag, !etag.hasPrefixIgnoringCase("w/") { weakETag = Array(etag) }
        if status == 304 { return }
        if let length, length < offer.policy.minimum, !offer.preference.refusesIdentity {
            weakETag = nil
        } else {
            coding = wanted
        }
    }

    /// Leaves the content unchanged after all.
    mutating func giveUp() {
        coding = nil
        weakETag = nil
    }

    /// Adds the compression's changes to the rules for the response's head.
    func edited(_ rules: HeaderRules?) -> HeaderRules {
        var rules = rules ?? HeaderRules()
        if let coding {
            rules.removed += Self.replaced
            rules.lines += "Content-Encoding: \(coding.name)\r\n".utf8
        }
        // Unless the route removes it.
        if let weakETag, !rules.removed.contains(Self.etag) {
            // The compressed bytes differ but mean the same (RFC 9110 §8.8.3).
            rules.removed.append(Self.etag)
            rules.lines += "ETag: W/".utf8
            rules.lines += weakETag
            rules.lines += [ASCII.carriageReturn, ASCII.lineFeed]
        }
        if needsVary { rules.lines += "Vary: Accept-Encoding\r\n".utf8 }
        return rules
    }

    /// Ranges of content compressed on the fly are not supported.
    private static let replaced = ["content-length", "content-encoding", "accept-ranges"].map { Array($0.utf8) }
    private static let etag = Array("etag".utf8)
}

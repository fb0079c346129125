/// Which answers of a route are compressed. A class, as every answer of the route refers to it.
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

    /// Of answers whose content is the gateway's own.
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

    /// - Parameter value: of `Content-Type`.
    func covers(_ value: UnsafeRawBufferPointer) -> Bool {
        var end = value.firstIndex(of: ASCII.semicolon) ?? value.count
        while end > 0, value[end - 1] == ASCII.space || value[end - 1] == ASCII.tab { end -= 1 }
        let type = UnsafeRawBufferPointer(rebasing: value[..<end])
        // Events are to arrive when they happen, and not when there is enough to compress.
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

/// What a route's policy and the client's wishes come to.
struct CompressionOffer: Sendable {
    let policy: CompressionPolicy
    let preference: CodingPreference

    init(_ policy: CompressionPolicy, _ request: RequestView) {
        self.policy = policy
        preference = CodingPreference(request)
    }
}

/// What becomes of one answer.
struct CompressionPlan {
    /// The coding to apply; nil: the content stays as it is.
    private(set) var coding: ContentCoding?
    private var weakETag: [UInt8]?
    private var needsVary = false

    /// - Parameters:
    ///   - length: the content's; nil when it is not known.
    ///   - method: a HEAD is told what a GET would be.
    ///   - canStream: whether the answer's end can be told without its length.
    /// - Returns: nil when the answer is none of the policy's business.
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
            // A part, or a digest that is of the content as it stands (RFC 9530).
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
        // A 304 must name the answer that the client has, which has been compressed.
        if let etag, !etag.hasPrefixIgnoringCase("w/") { weakETag = Array(etag) }
        if status == 304 { return }
        if let length, length < offer.policy.minimum, !offer.preference.refusesIdentity {
            weakETag = nil
        } else {
            coding = wanted
        }
    }

    /// Leaves the content as it is after all.
    mutating func giveUp() {
        coding = nil
        weakETag = nil
    }

    /// The rules for the answer's head, with what it has to say then.
    func edited(_ rules: HeaderRules?) -> HeaderRules {
        var rules = rules ?? HeaderRules()
        if let coding {
            rules.removed += Self.replaced
            rules.lines += "Content-Encoding: \(coding.name)\r\n".utf8
        }
        // Unless the route takes it away.
        if let weakETag, !rules.removed.contains(Self.etag) {
            // The compressed bytes are others, though they mean the same (RFC 9110 §8.8.3).
            rules.removed.append(Self.etag)
            rules.lines += "ETag: W/".utf8
            rules.lines += weakETag
            rules.lines += [ASCII.carriageReturn, ASCII.lineFeed]
        }
        if needsVary { rules.lines += "Vary: Accept-Encoding\r\n".utf8 }
        return rules
    }

    /// Parts of what is compressed now cannot be asked for.
    private static let replaced = ["content-length", "content-encoding", "accept-ranges"].map { Array($0.utf8) }
    private static let etag = Array("etag".utf8)
}

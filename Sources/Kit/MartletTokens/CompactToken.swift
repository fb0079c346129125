import MartletCore

/// A signed token in compact form (RFC 7515 §7.1), parsed but not verified.
struct CompactToken {
    /// The maximum length in bytes. A longer token is rejected unread.
    static let maximumLength = 8192
    /// The limits for headers and claims, which are shallow and have short names.
    private static let limits = JSONLimits(depth: 16, nameBytes: 256)

    /// `alg`, as bytes. It is only compared with the key's algorithm; it never selects one.
    let algorithm: [UInt8]
    let keyID: String?
    /// `typ` in lower case, without `application/` (RFC 7515 §4.1.9).
    let type: String?
    /// The signed bytes.
    let signed: ArraySlice<UInt8>
    let payload: ArraySlice<UInt8>
    let signature: [UInt8]

    /// - Throws: ``Problem/invalidToken`` unless the token has three parts of canonical base64url and its header is a
    ///   JSON object without duplicate members and without critical extensions.
    init(_ token: [UInt8]) throws(Problem) {
        guard token.count <= Self.maximumLength else { throw .invalidToken }
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64URL.decode(parts[2]), !signature.isEmpty else {
            throw .invalidToken
        }
        self.signature = signature
        payload = parts[1]
        signed = token[..<parts[1].endIndex]
        var algorithm: [UInt8]?
        var keyID: String?
        var type: String?
        for (name, value) in try Self.object(parts[0]) {
            if name.isExactly("alg") {
                algorithm = value.stringValue.map { Array($0.utf8) }
            } else if name.isExactly("kid") {
                // A kid must be a string (RFC 7515 §4.1.4).
                guard let text = value.stringValue else { throw .invalidToken }
                keyID = text
            } else if name.isExactly("typ") {
                guard let text = value.stringValue else { throw .invalidToken }
                type = Self.mediaType(text)
            } else if name.isExactly("crit") || name.isExactly("b64") {
                // Critical extensions must be understood (RFC 7515 §4.1.11, RFC 7797), and none is supported.
                throw .invalidToken
            }
        }
        guard let algorithm else { throw .invalidToken }
        self.algorithm = algorithm
        self.keyID = keyID
        self.type = type
    }

    /// The members of a part that is a JSON object: UTF-8 without a byte order mark, without duplicate members, which
    /// RFC 7519 §4 allows to reject.
    /// - Throws: ``Problem/invalidToken``.
    static func object(_ part: ArraySlice<UInt8>) throws(Problem) -> [(String, JSONValue)] {
        guard let bytes = Base64URL.decode(part),
            let value = try? JSONValue(parsing: bytes, limits: limits), let members = value.objectValue
        else { throw .invalidToken }
        return members
    }

    private static func mediaType(_ text: String) -> String {
        let prefix = Array("application/".utf8)
        let bytes = text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return String(decoding: bytes.starts(with: prefix) ? bytes[prefix.count...] : bytes[...], as: UTF8.self)
    }
}

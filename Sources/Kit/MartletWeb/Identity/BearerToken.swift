import MartletCore

/// The credentials of an `Authorization` header (RFC 6750 §2.1).
enum BearerToken {
    /// Reads the header as bytes, in one pass, because it may hold anything.
    /// - Throws: ``Problem`` 401 unless the value is `Bearer` (in any case) and one word.
    static func read(_ authorization: String) throws(Problem) -> [UInt8] {
        let parts = authorization.utf8.split(separator: UInt8(ascii: " "), maxSplits: 64)
        guard parts.count == 2, parts[0].map({ $0 | 0x20 }).elementsEqual("bearer".utf8) else {
            throw .unauthorized("The Authorization header must be 'Bearer <access token>'.")
        }
        return Array(parts[1])
    }
}

import Crypto

/// Finds the owner of an API key. Keys are looked up by SHA-256, so that timing reveals nothing about other keys.
struct APIKeyVerifier: Sendable {
    let header: [UInt8]
    private let owners: [[UInt8]: GatewayPrincipal]

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(_ keys: GatewayConfiguration.APIKeys) throws(GatewayError) {
        guard !keys.header.isEmpty, keys.header.utf8.allSatisfy(ASCIISet.token.contains) else {
            throw .invalidConfiguration("api_keys: '\(keys.header)' is not a field name")
        }
        header = Array(keys.header.lowercased().utf8)
        var owners: [[UInt8]: GatewayPrincipal] = [:]
        for key in keys.keys {
            guard key.digest.count == SHA256.byteCount else {
                throw .invalidConfiguration("api_keys: the digest of '\(key.name)' is not a SHA-256")
            }
            let principal = GatewayPrincipal(subject: key.name, permissions: Set(key.permissions), method: "api_key")
            guard owners.updateValue(principal, forKey: key.digest) == nil else {
                throw .invalidConfiguration("api_keys: '\(key.name)' has the same key as another entry")
            }
        }
        self.owners = owners
    }

    func owner(of key: UnsafeRawBufferPointer) -> GatewayPrincipal? {
        guard (1...1024).contains(key.count) else { return nil }
        return owners[Array(SHA256.hash(data: key))]
    }
}

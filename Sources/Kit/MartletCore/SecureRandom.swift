/// Bytes of the system's generator for secrets: nobody can tell them from those seen before.
public enum SecureRandom {
    public static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            withUnsafeBytes(of: generator.next() as UInt64) { bytes.append(contentsOf: $0.prefix(count - bytes.count)) }
        }
        return bytes
    }

    /// So many random bytes in base64url: four characters for three bytes, fit for URLs, headers and file names.
    public static func text(bytes count: Int) -> String { Base64URL.encode(bytes(count)) }
}

/// Unpredictable bytes for secrets, from the system's generator.
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

    /// Random bytes in base64url: four characters for every three bytes, safe in URLs, headers and file names.
    public static func text(bytes count: Int) -> String { Base64URL.encode(bytes(count)) }
}

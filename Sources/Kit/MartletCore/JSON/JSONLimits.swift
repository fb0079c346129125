/// Limits on a JSON text. They bound the memory that the parsed value takes, beyond the limit on its bytes.
public struct JSONLimits: Sendable {
    /// The maximum nesting depth of arrays and objects. Default: 64.
    public var depth: Int
    /// The maximum length of a member name, in bytes of UTF-8. Default: unlimited.
    public var nameBytes: Int
    /// The maximum length of a number, in bytes. Default: unlimited.
    public var numberBytes: Int
    /// The maximum number of values: members, elements and the top-level value. Default: unlimited.
    public var values: Int

    public init(depth: Int = 64, nameBytes: Int = .max, numberBytes: Int = .max, values: Int = .max) {
        self.depth = depth
        self.nameBytes = nameBytes
        self.numberBytes = numberBytes
        self.values = values
    }

    /// The limits for request bodies: names of 256 bytes, numbers of 1024 bytes, 10,000 values in total.
    public static let requestBody = JSONLimits(nameBytes: 256, numberBytes: 1024, values: 10_000)
}

/// How much a JSON text may hold before it is refused, so that what is made of it is bounded as well as its bytes.
public struct JSONLimits: Sendable {
    /// How deeply arrays and objects may be nested.
    public var depth: Int
    /// How long a member's name may be, in bytes of UTF-8.
    public var nameBytes: Int
    /// How long a number may be, in bytes.
    public var numberBytes: Int
    /// How many values there may be: members, elements, and the text's own value.
    public var values: Int

    public init(depth: Int = 64, nameBytes: Int = .max, numberBytes: Int = .max, values: Int = .max) {
        self.depth = depth
        self.nameBytes = nameBytes
        self.numberBytes = numberBytes
        self.values = values
    }

    /// What the body of a request may hold: names of 256 bytes, numbers of 1024, 10,000 values in all.
    public static let requestBody = JSONLimits(nameBytes: 256, numberBytes: 1024, values: 10_000)
}

/// A typed identifier: the id of a product cannot be passed where the id of a user is expected.
///
/// It is a positive 64-bit integer in JSON, in paths and in the database.
public struct ID<Model>: Hashable, Sendable, Comparable {
    public let rawValue: Int64

    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension ID: CustomStringConvertible {
    public var description: String { String(rawValue) }
}

extension ID: Codable {
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

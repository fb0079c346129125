public import MartletCore
public import MartletData
public import MartletWeb

/// A row of the table `@table@`.
public struct @Model@: Model, Output, Versioned {
    public let id: ID<@Model@>
    public let name: String
    public let notes: String
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    public static let table = "@table@"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The id of the @word@.", list: [.filter, .order])
        Rule(CodingKeys.name, "The name of the @word@.", length: 1...200, list: [.search, .filter, .order])
        Rule(CodingKeys.notes, "Additional notes.", length: 0...10_000, default: "", list: .search)
        Rule(CodingKeys.createdAt, "When the @word@ was added.", list: [.filter, .order])
        Rule(CodingKeys.updatedAt, "When the @word@ was last changed.", list: [.filter, .order])
    }
}

/// The writable fields of @a@ @word@, with the same rules.
public struct @Model@Input: Input, Encodable {
    public let name: String
    public let notes: String

    public static let rules = @Model@.rules
}

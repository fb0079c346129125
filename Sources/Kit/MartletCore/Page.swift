/// One page of a list and how many items there are in all.
public struct Page<Item: Codable & Sendable>: Codable, Sendable {
    public let items: [Item]
    /// How many items match, on all pages together.
    public let total: Int
    /// How many matching items come before this page.
    public let skip: Int
    /// How many items a page holds at the most.
    public let limit: Int

    public init(items: [Item], total: Int, skip: Int, limit: Int) {
        self.items = items
        self.total = total
        self.skip = skip
        self.limit = limit
    }
}

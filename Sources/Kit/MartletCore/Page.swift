/// One page of a list, and the total number of items.
public struct Page<Item: Codable & Sendable>: Codable, Sendable {
    public let items: [Item]
    /// The number of matching items on all pages.
    public let total: Int
    /// The number of matching items before this page.
    public let skip: Int
    /// The maximum number of items on a page.
    public let limit: Int

    public init(items: [Item], total: Int, skip: Int, limit: Int) {
        self.items = items
        self.total = total
        self.skip = skip
        self.limit = limit
    }
}

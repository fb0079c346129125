/// How far a source has published: the memory of Redis that has the events, and the last entry in it.
struct StreamPosition: Equatable, CustomStringConvertible {
    /// The entry of a stream that has none yet.
    static let start = "0-0"

    let epoch: String
    /// The id of the last entry.
    let entry: String

    var description: String { "\(epoch)/\(entry)" }

    init(epoch: String, entry: String) {
        self.epoch = epoch
        self.entry = entry
    }

    /// - Returns: nil for any other text, such as another broker's position.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = parts.first, let entry = parts.last, !epoch.isEmpty else { return nil }
        let numbers = entry.split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 2, numbers.allSatisfy({ UInt64($0) != nil }) else { return nil }
        self.init(epoch: String(epoch), entry: String(entry))
    }
}

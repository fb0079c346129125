import MartletCore

/// The values of a cache in this process, bounded in number and bytes. Evicts the least recently used. Pure.
struct CacheTable<Value: Sendable> {
    struct Entry {
        let value: Value
        let cost: Int
        /// When the computation of the value began.
        let computedAt: Duration
        /// When Redis last confirmed the value, or the value was computed.
        var confirmedAt: Duration
        /// When the next attempt to refresh the stale value may begin.
        var retryAt = Duration.zero
    }

    private struct Element {
        let key: CacheKey
        var entry: Entry
        let bytes: Int
    }

    /// The approximate size of an entry without its key and value.
    private static var overhead: Int { 200 }

    private let maximumCount: Int
    private let maximumBytes: Int
    private var elements = RecencyList<Element>()
    private var places: [CacheKey: Int] = [:]
    private var groups: [String: Set<Int>] = [:]
    private(set) var bytes = 0

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    var count: Int { places.count }

    /// Finds an entry and makes it the last used one.
    mutating func use(_ key: CacheKey) -> Entry? {
        guard let place = places[key] else { return nil }
        elements.touch(place)
        return elements[place]?.entry
    }

    mutating func change(_ key: CacheKey, _ body: (inout Entry) -> Void) {
        guard let place = places[key] else { return }
        elements.change(place) { body(&$0.entry) }
    }

    /// - Returns: the number of other entries that had to go.
    mutating func insert(_ entry: Entry, for key: CacheKey) -> Int {
        remove(key)
        let (sum, overflow) = entry.cost.addingReportingOverflow(key.byteCount + Self.overhead)
        guard !overflow, sum <= maximumBytes, maximumCount > 0 else { return 0 }
        var evicted = 0
        while count >= maximumCount || bytes > maximumBytes - sum, let oldest = elements[elements.oldest] {
            remove(oldest.key)
            evicted += 1
        }
        let place = elements.insert(Element(key: key, entry: entry, bytes: sum))
        places[key] = place
        if let group = key.group { groups[group, default: []].insert(place) }
        bytes += sum
        return evicted
    }

    mutating func remove(_ key: CacheKey) {
        guard let place = places.removeValue(forKey: key), let element = elements.remove(place) else { return }
        bytes -= element.bytes
        guard let group = key.group else { return }
        groups[group]?.remove(place)
        if groups[group]?.isEmpty == true { groups[group] = nil }
    }

    mutating func remove(group: String) {
        for place in groups[group] ?? [] {
            if let element = elements[place] { remove(element.key) }
        }
    }

    /// - Returns: the removed entries, to be released without a lock.
    mutating func removeAll() -> CacheTable {
        let removed = self
        self = CacheTable(maximumCount: maximumCount, maximumBytes: maximumBytes)
        return removed
    }
}

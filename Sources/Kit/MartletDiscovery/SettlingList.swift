import MartletCore

/// Decides when a list that a registry has told is believed. Pure: it is told what came and when.
///
/// The first list is believed at once. Changes that come close together become one. An empty list is held back for a
/// while, as a registry that has just been restarted may know nobody yet, while the services are well.
struct SettlingList<Instant: InstantProtocol & Sendable>: Sendable {
    /// A registry that names more is not believed to mean it.
    static var maximumCount: Int { 1000 }

    private let settling: Instant.Duration
    private let emptyHold: Instant.Duration
    private var believed: [DiscoveredEndpoint]?
    private var pending: (list: [DiscoveredEndpoint], due: Instant)?

    /// - Parameter known: what is believed from the start; nil when nothing is.
    init(settling: Instant.Duration, emptyHold: Instant.Duration, known: [DiscoveredEndpoint]? = nil) {
        self.settling = settling
        self.emptyHold = emptyHold
        believed = known.map(Self.normal)
    }

    /// A list has come.
    /// - Returns: when ``settle(_:)`` is to be called; nil when nothing is to be done.
    mutating func receive(_ list: [DiscoveredEndpoint], _ now: Instant) -> Instant? {
        let list = Self.normal(list)
        guard list != believed else {
            pending = nil
            return nil
        }
        let due: Instant
        if believed == nil {
            due = now
        } else if list.isEmpty {
            if let pending, pending.list.isEmpty { return nil }
            due = now.advanced(by: emptyHold)
        } else if let pending, !pending.list.isEmpty {
            // Changes that never end are taken over from time to time all the same.
            due = pending.due
        } else {
            due = now.advanced(by: settling)
        }
        pending = (list, due)
        return due
    }

    /// The registry cannot be asked any more. That it has said that there is nobody was perhaps the beginning of it, so it
    /// must say so again.
    mutating func fail() {
        if let pending, pending.list.isEmpty { self.pending = nil }
    }

    /// - Returns: the list to use from now on; nil when there is none, or not yet.
    mutating func settle(_ now: Instant) -> [DiscoveredEndpoint]? {
        guard let (list, due) = pending, now >= due else { return nil }
        pending = nil
        believed = list
        return list
    }

    /// In one order, each endpoint once.
    private static func normal(_ list: [DiscoveredEndpoint]) -> [DiscoveredEndpoint] {
        var seen: [String: DiscoveredEndpoint] = [:]
        for endpoint in list { seen[endpoint.endpoint.description] = endpoint }
        return seen.sorted { $0.key < $1.key }.prefix(maximumCount).map(\.value)
    }
}

import MartletCore

/// Decides when a list from a registry takes effect. Pure: its inputs are lists and times.
///
/// The first list takes effect immediately. Changes in quick succession are merged. An empty list is held back for a
/// while, because a restarted registry may not list services yet although they are running.
struct SettlingList<Instant: InstantProtocol & Sendable>: Sendable {
    /// The maximum number of endpoints. Further ones are ignored.
    static var maximumCount: Int { 1000 }

    private let settling: Instant.Duration
    private let emptyHold: Instant.Duration
    private var believed: [DiscoveredEndpoint]?
    private var pending: (list: [DiscoveredEndpoint], due: Instant)?

    /// - Parameter known: the list in effect at the start; nil when there is none.
    init(settling: Instant.Duration, emptyHold: Instant.Duration, known: [DiscoveredEndpoint]? = nil) {
        self.settling = settling
        self.emptyHold = emptyHold
        believed = known.map(Self.normal)
    }

    /// Receives a list.
    /// - Returns: when to call ``settle(_:)``; nil when there is nothing to do.
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
            // Keep the due time, so that continuous changes still take effect.
            due = pending.due
        } else {
            due = now.advanced(by: settling)
        }
        pending = (list, due)
        return due
    }

    /// Records that the registry is unreachable. A pending empty list may have been a symptom of the failure, so it is
    /// dropped; the registry must return it again.
    mutating func fail() {
        if let pending, pending.list.isEmpty { self.pending = nil }
    }

    /// - Returns: the list that takes effect now; nil when none is due.
    mutating func settle(_ now: Instant) -> [DiscoveredEndpoint]? {
        guard let (list, due) = pending, now >= due else { return nil }
        pending = nil
        believed = list
        return list
    }

    /// The list in sorted order without duplicates.
    private static func normal(_ list: [DiscoveredEndpoint]) -> [DiscoveredEndpoint] {
        var seen: [String: DiscoveredEndpoint] = [:]
        for endpoint in list { seen[endpoint.endpoint.description] = endpoint }
        return seen.sorted { $0.key < $1.key }.prefix(maximumCount).map(\.value)
    }
}

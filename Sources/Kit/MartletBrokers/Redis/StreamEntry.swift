import MartletRedis

/// An entry as Redis returns it.
struct StreamEntry: Equatable {
    let id: String
    /// Names and values, alternating; nil when the entry is no longer in the stream.
    let fields: [RedisValue]?

    /// - Returns: nil for any other reply.
    init?(_ value: RedisValue) {
        guard let parts = value.array, parts.count == 2, let id = parts.first?.text else { return nil }
        self.id = id
        fields = parts.last?.array
    }

    /// The entries of `XREADGROUP` by the key of their stream.
    static func byStream(_ reply: RedisValue) -> [String: [StreamEntry]] {
        var streams: [String: [StreamEntry]] = [:]
        for stream in reply.array ?? [] {
            guard let parts = stream.array, parts.count == 2, let key = parts.first?.text else { continue }
            streams[key] = (parts.last?.array ?? []).compactMap(StreamEntry.init)
        }
        return streams
    }
}

/// The entries of a group that were delivered and not acknowledged.
struct PendingSummary: Equatable {
    let count: Int64
    /// The id of the lowest entry.
    let first: String?

    /// Reads the reply to `XPENDING key group`.
    init(_ reply: RedisValue) {
        let parts = reply.array ?? []
        count = parts.first?.integer ?? 0
        first = parts.count > 1 ? parts[1].text : nil
    }
}

import MartletCore

/// The known keys below a prefix, and their revision. Pure: its input is etcd's messages.
struct EtcdWatchState: Sendable {
    enum Step: Equatable {
        case unchanged
        case changed(RegistryList)
        /// The known keys are invalid and must be listed again.
        case relist
    }

    private struct Entry {
        let name: String
        /// Nil when the value is not a valid server.
        let server: RegistryList.Server?
    }

    private var entries: [String: Entry] = [:]
    private var cluster: String?
    /// The last revision that is included.
    private(set) var revision: Int64 = 0

    var list: RegistryList {
        RegistryList(
            entries.values.compactMap(\.server),
            unusable: entries.values.compactMap { $0.server == nil ? $0.name : nil })
    }

    /// Replaces all keys with a response of `/v3/kv/range`.
    /// - Throws: ``RegistryError`` for a response without a revision.
    mutating func list(_ answer: JSONValue) throws {
        guard let revision = answer["header"]?["revision"]?.int64 else {
            throw RegistryError("etcd's response has no revision")
        }
        self.revision = revision
        cluster = answer["header"]?["cluster_id"]?.stringValue
        entries = [:]
        for pair in answer["kvs"]?.arrayValue ?? [] { put(pair) }
    }

    /// Applies a message of `/v3/watch`.
    /// - Throws: ``RegistryError`` when etcd ends the watch for a reason that listing the keys again does not fix.
    mutating func receive(_ message: JSONValue) throws -> Step {
        guard let result = message["result"] else {
            let reason = message["error"]?["message"]?.stringValue ?? message["error"]?.stringValue
            throw RegistryError("etcd ended the watch: \(reason ?? "no reason given")")
        }
        let header = result["header"]
        // A different cluster, or the same one after losing its data: the known keys are invalid.
        if let id = header?["cluster_id"]?.stringValue, let cluster, id != cluster { return .relist }
        if result["created"]?.boolValue == true, let now = header?["revision"]?.int64, now < revision { return .relist }
        if result["canceled"]?.boolValue == true {
            // The start revision has been compacted.
            if result["compact_revision"]?.int64 ?? 0 > 0 { return .relist }
            throw RegistryError("etcd ended the watch: \(result["cancel_reason"]?.stringValue ?? "no reason given")")
        }
        let events = result["events"]?.arrayValue ?? []
        for event in events {
            guard let pair = event["kv"] else { continue }
            if event["type"]?.stringValue == "DELETE" {
                if let key = pair["key"]?.stringValue { entries[key] = nil }
            } else {
                put(pair)
            }
        }
        revision = max(revision, header?["revision"]?.int64 ?? 0)
        return events.isEmpty ? .unchanged : .changed(list)
    }

    private mutating func put(_ pair: JSONValue) {
        guard let key = pair["key"]?.stringValue else { return }
        let name = pair["key"]?.base64Text ?? key
        let server = pair["value"]?.base64Text.flatMap { RegistryList.Server(registered: $0, at: name) }
        entries[key] = Entry(name: name, server: server)
    }
}

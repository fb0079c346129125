import MartletCore
import MartletWeb

/// How events travel between the services.
struct MessagingSettings: SettingGroup {
    enum Broker: String, CaseIterable {
        /// Within the process.
        case local
        /// In the PostgreSQL database of the services.
        case postgres
        /// In streams of Redis.
        case redis
    }

    /// nil: the one that suits the process; see ``Settings/broker(_:)``.
    var broker: Broker?

    init(_ settings: inout SettingReader) {
        broker = settings.readOptional(
            "broker", "What carries events between the services.", form: "local, postgres or redis",
            shown: "local if all services run in this process, otherwise redis with redis_url, otherwise postgres"
        ) { text in
            guard let broker = Broker(rawValue: text) else { throw SettingMistake("must be local, postgres or redis") }
            return broker
        }
    }
}

extension Settings {
    /// The broker of this process.
    func broker(_ composition: Composition) -> MessagingSettings.Broker {
        if let broker = messaging.broker { return broker }
        if process.services.isSuperset(of: composition.services.map { $0.name }) { return .local }
        if data.redis != nil { return .redis }
        return data.databaseURL == nil ? .local : .postgres
    }

    /// Whether the events of this process reach services of other processes, and theirs reach it.
    func reachesOthers(_ composition: Composition) -> Bool {
        broker(composition) != .local || process.services.isSuperset(of: composition.services.map { $0.name })
    }

    func brokerContradictions() -> [String] {
        switch messaging.broker {
        case .postgres? where data.databaseURL == nil: ["broker: postgres requires database_url"]
        case .redis? where data.redis == nil: ["broker: redis requires redis_url"]
        default: []
        }
    }
}

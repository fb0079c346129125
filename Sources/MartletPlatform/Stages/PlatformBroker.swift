import Logging
import MartletBrokers
import MartletData
import MartletMessaging
import NIOPosix

/// The broker that the settings choose, with what it must open and close.
enum PlatformBroker {
    case local(LocalBroker)
    case postgres(PostgresBroker, Database)
    case redis(RedisStreamsBroker)

    init(_ settings: Settings, _ composition: Composition, logger: Logger) throws {
        switch settings.broker(composition) {
        case .postgres:
            guard let url = settings.data.databaseURL else {
                throw UsageError("broker: postgres requires database_url")
            }
            let location = try Database.Location(url: url, schema: PostgresBroker.schema)
            let database = try Database(location, logger: logger)
            self = .postgres(try PostgresBroker(database, logger: logger), database)
        case .redis:
            guard let location = settings.data.redis else { throw UsageError("broker: redis requires redis_url") }
            self = .redis(
                RedisStreamsBroker(location, eventLoops: MultiThreadedEventLoopGroup.singleton, logger: logger))
        case .local:
            if !settings.reachesOthers(composition) {
                logger.warning(
                    "events stay in this process: services that run apart need redis_url, or database_url, to hear each other"
                )
            }
            self = .local(LocalBroker())
        }
    }

    var broker: any Broker {
        switch self {
        case .local(let broker): broker
        case .postgres(let broker, _): broker
        case .redis(let broker): broker
        }
    }

    /// The setting at fault when the broker does not respond.
    var setting: String {
        switch self {
        case .local: "broker"
        case .postgres: "database_url"
        case .redis: "redis_url"
        }
    }

    /// - Throws: any error while the broker does not respond.
    func prepare() async throws {
        switch self {
        case .local: break
        case .postgres(let broker, _): try await broker.migrate()
        // Even without subscriptions: publishing needs it too.
        case .redis(let broker): _ = try await broker.takeRequests(to: "start")
        }
    }

    func close() async {
        switch self {
        case .local: break
        case .postgres(_, let database): await database.close()
        case .redis(let broker): await broker.close()
        }
    }
}

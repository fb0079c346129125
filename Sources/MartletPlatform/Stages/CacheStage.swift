import Logging
import MartletCache
import NIOPosix

/// The caches of this process's services.
struct CacheStage: Stage {
    private let redis: CacheRedis?
    private let refresher = CacheRefresher()
    private let telemetry: TelemetryStage

    /// Does not connect yet: without Redis, services start all the same.
    init(_ settings: DataSettings, _ telemetry: TelemetryStage) {
        self.telemetry = telemetry
        redis = settings.redis.map {
            CacheRedis($0, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Logger(label: "cache"))
        }
    }

    func caches(of service: String) -> Caches {
        Caches(service: service, redis: redis, refresher: refresher, metrics: telemetry.metrics)
    }

    var tasks: [StageTask] { [StageTask("cache", refresher)] }

    func close() async { await redis?.close() }
}

public import Logging
public import MartletRedis
public import NIOCore
import Synchronization

/// The Redis that the caches of a process share with other processes.
///
/// While Redis is away, ``RedisClient`` refuses commands at once and reconnects in the background, so only commands
/// already under way wait for their timeout.
public final class CacheRedis: Sendable {
    private let client: RedisClient
    private let logger: Logger
    private let isAvailable = Mutex<Bool?>(nil)

    public init(_ configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        client = RedisClient(configuration, eventLoop: eventLoop, logger: logger)
        self.logger = logger
    }

    /// A Redis with the timeouts that suit caches: after a tenth of a second a look-up is given up, and the value is
    /// computed.
    public convenience init(_ location: RedisLocation, eventLoop: any EventLoop, logger: Logger) {
        var configuration = RedisConfiguration(location)
        configuration.timeout = .milliseconds(100)
        configuration.connectTimeout = .milliseconds(500)
        configuration.maximumBackoff = .seconds(1)
        self.init(configuration, eventLoop: eventLoop, logger: logger)
    }

    public func close() async { await client.close() }

    func submit(_ command: [RedisArgument]) -> EventLoopFuture<RedisValue> { client.submit(command) }

    /// Records whether Redis has answered, and logs when that changes.
    func record(_ error: (any Error)?) {
        let isUp = error == nil
        let before = isAvailable.withLock { state in
            defer { state = isUp }
            return state
        }
        guard isUp != (before ?? true) else { return }
        if let error {
            logger.warning(
                "Redis is unavailable; caches use the process's memory only",
                metadata: ["reason": "\(String(describing: error).prefix(200))"])
        } else {
            logger.notice("Redis is available again; caches are shared")
        }
    }
}

import Crypto
import Logging
import MartletCore
import MartletRedis
import MartletTelemetry
import NIOCore
import Synchronization

/// Rate limits shared by several gateways: ``RateLimiter/decide(_:_:_:_:)`` as a Redis script, timed by Redis's clock.
/// Confined to an event loop, like its connection.
///
/// If Redis does not decide in time, the request is counted in this process alone. ``RedisClient`` fails at once while
/// Redis is known to be down, so only requests already in flight wait for the timeout.
final class SharedRateLimiter {
    private let redis: RedisClient
    private let prefix: String
    private let health: SharedLimitHealth
    private let fallbacks: Counter
    private var availability = SharedLimitHealth.Availability.unknown

    init(
        _ configuration: GatewayConfiguration.Redis, eventLoop: any EventLoop, health: SharedLimitHealth,
        metrics: GatewayMetrics, logger: Logger
    ) {
        var redis = RedisConfiguration(configuration.location)
        redis.timeout = configuration.timeout
        redis.connectTimeout = max(configuration.timeout, .milliseconds(500))
        redis.maximumReplyBytes = 65_536
        redis.maximumCommandBytes = 1 << 20
        self.redis = RedisClient(redis, eventLoop: eventLoop, logger: logger)
        prefix = configuration.prefix
        self.health = health
        fallbacks = metrics.rateLimitFallbacks()
    }

    /// Counts a request. The future never fails.
    func decide(_ count: SharedCount) -> EventLoopFuture<RateLimiter.Decision> {
        let promise = redis.eventLoop.makePromise(of: RateLimiter.Decision.self)
        let arguments: [RedisArgument] = [
            "1", .text(prefix + Hexadecimal.text(count.digest)), .integer(RateLimitScript.units(count.limit.interval)),
            .integer(count.limit.burst),
        ]
        redis.submit(["EVALSHA", .text(RateLimitScript.digest)] + arguments).assumeIsolated().whenComplete { result in
            // A restarted Redis has lost its scripts.
            if case .failure(RedisError.refused(let message)) = result, message.hasPrefix("NOSCRIPT") {
                self.redis.submit(["EVAL", .text(RateLimitScript.text)] + arguments).assumeIsolated().whenComplete {
                    promise.succeed(self.decision($0, count))
                }
            } else {
                promise.succeed(self.decision(result, count))
            }
        }
        return promise.futureResult
    }

    private func decision(_ result: Result<RedisValue, any Error>, _ count: SharedCount) -> RateLimiter.Decision {
        switch result.map(RateLimitScript.decision) {
        case .success(let decision?):
            become(.up)
            return decision
        case .success(nil):
            become(.down("invalid reply"))
        case .failure(RedisError.closed):
            // This says nothing about Redis.
            break
        case .failure(let error):
            become(.down(reason(error)))
        }
        fallbacks.increment()
        return count.limit.countLocally(count.digest, now: .now())
    }

    private func become(_ next: SharedLimitHealth.Availability) {
        guard next != availability else { return }
        health.change(from: availability, to: next)
        availability = next
    }

    /// For connection errors, the client knows the cause.
    private func reason(_ error: any Error) -> String {
        switch error {
        case RedisError.refused(let message): String(message.prefix(200))
        case RedisError.invalidReply(let message): message
        case RedisError.unavailable, RedisError.connectionLost, RedisError.timeout: redis.failure ?? "\(error)"
        default: "\(error)"
        }
    }

    /// Closes the connection, because the configuration changed or the loop stops.
    func close() {
        redis.closeNow()
        become(.unknown)
    }
}

/// The script and its numbers.
///
/// Times are eighths of a microsecond since a recent date. Lua represents integers exactly up to 2⁵³, which is 35 years
/// in this unit, so Redis and memory decide alike.
enum RateLimitScript {
    static let text = """
        local time = redis.call('TIME')
        local now = ((time[1] - 1700000000) * 1000000 + time[2]) * 8
        local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
        local allowance = interval * burst
        local full = tonumber(redis.call('GET', KEYS[1]) or now)
        full = math.min(math.max(full, now), now + allowance)
        local after = full + interval
        local ahead = after - now
        if ahead > allowance then return {0, 0, ahead - allowance} end
        redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil(ahead / 8000))
        return {1, math.floor((allowance - ahead) / interval), ahead}
        """

    /// The script's name for `EVALSHA`.
    static let digest = Hexadecimal.text(Insecure.SHA1.hash(data: Array(text.utf8)))

    private static let nanosecondsPerUnit: Int64 = 125

    /// - Parameter interval: nanoseconds.
    static func units(_ interval: Int64) -> Int64 {
        max(1, (interval + nanosecondsPerUnit / 2) / nanosecondsPerUnit)
    }

    /// - Returns: nil for an invalid reply.
    static func decision(_ reply: RedisValue) -> RateLimiter.Decision? {
        guard let values = reply.array, values.count == 3, let admitted = values[0].integer,
            let remaining = values[1].integer, let wait = values[2].integer, wait >= 0, remaining >= 0
        else { return nil }
        let (nanoseconds, overflow) = wait.multipliedReportingOverflow(by: nanosecondsPerUnit)
        return RateLimiter.Decision(
            isAdmitted: admitted == 1, remaining: Int(clamping: remaining), wait: overflow ? .max / 2 : nanoseconds)
    }
}

/// Whether Redis is available to all event loops. Logs once when it becomes unavailable and once when it is back.
final class SharedLimitHealth: Sendable {
    /// The availability to one event loop.
    enum Availability: Equatable {
        /// No request has been sent yet.
        case unknown
        case up
        /// Unavailable, with the reason.
        case down(String)
    }

    private struct State {
        var up = 0
        var down = 0
        /// The latest reason.
        var reason: String?
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func change(from before: Availability, to after: Availability) {
        let (previous, now) = state.withLock { state in
            let previous = state
            switch before {
            case .unknown: break
            case .up: state.up -= 1
            case .down: state.down -= 1
            }
            switch after {
            case .unknown: break
            case .up: state.up += 1
            case .down(let reason):
                state.down += 1
                state.reason = reason
            }
            if state.down == 0 { state.reason = nil }
            return (previous, state)
        }
        if previous.down == 0, now.down > 0 {
            logger.warning(
                "Redis is unavailable; rate limits are counted locally", metadata: ["reason": "\(now.reason ?? "")"])
        } else if previous.down > 0, now.down == 0, after == .up {
            logger.notice("Redis is available again; rate limits are shared")
        }
    }

    /// Whether Redis is available to all event loops; nil before the first request.
    var isAvailable: Bool? {
        state.withLock { $0.down > 0 ? false : $0.up > 0 ? true : nil }
    }

    /// Why Redis is unavailable.
    var reason: String? { state.withLock { $0.reason } }
}

import Logging
import MartletCore
import MartletRedis
import MartletTelemetry
import MartletTesting
import NIOCore
import NIOPosix
import Synchronization

@testable public import MartletCache

/// Lets tasks wait until a test opens it.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Ignores cancellation, as a computation may do.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

struct Refused: Error {}

extension CacheKey {
    static func everyone(_ id: String) -> CacheKey { CacheKey(id, for: .everyone) }
}

/// The caches of one process.
struct Process: Sendable {
    let metrics = MetricsRegistry()
    let clock = TestClock()
    let caches: Caches
    let redis: CacheRedis?
    let service: String

    /// - Parameter pause: what a process does while another one computes. Default: nothing.
    init(
        _ service: String = "test", redis: CacheRedis? = nil, refresher: CacheRefresher? = nil,
        pause: @escaping @Sendable (Duration) async throws -> Void = { _ in await Task.yield() }
    ) {
        self.redis = redis
        self.service = service
        caches = Caches(
            service: service, redis: redis, refresher: refresher, metrics: metrics, clock: clock.monotonicClock,
            pause: pause)
    }

    /// The value of a metric of the cache `numbers`: `requests_total{…,result="hit"}` for `requests_total`, `hit`.
    func metric(_ name: String, _ result: String? = nil) -> Int? {
        let labels = "cache=\"numbers\"" + (result.map { ",result=\"\($0)\"" } ?? "") + "}"
        let line = metrics.exposition().split(separator: "\n").first {
            $0.hasPrefix("cache_\(name){") && $0.contains(labels)
        }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }

    func numbers(_ policy: CachePolicy = CachePolicy(fresh: .seconds(5))) -> Cache<Int> {
        caches.make("numbers", policy)
    }
}

extension Int: CacheValue {}
extension String: CacheValue {}

/// Runs `body` with as many processes as `count`, which share a Redis. Each has a connection of its own.
func withProcesses<Result>(
    _ count: Int, at url: String? = nil, timeout: TimeAmount = .seconds(10),
    pause: @escaping @Sendable (Duration) async throws -> Void = { _ in await Task.yield() },
    _ body: ([Process]) async throws -> Result
) async throws -> Result {
    let service = uniqueName("test")
    let url = try url ?? RedisServer.sharedURL
    let connections = try (0..<count).map { _ in
        var configuration = RedisConfiguration(try RedisLocation(url: url))
        configuration.timeout = timeout
        configuration.backoff = .milliseconds(10)
        configuration.maximumBackoff = .milliseconds(20)
        return CacheRedis(
            configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "cache") { _ in SwiftLogNoOpLogHandler() })
    }
    let outcome: Swift.Result<Result, any Error>
    do {
        outcome = .success(try await body(connections.map { Process(service, redis: $0, pause: pause) }))
    } catch {
        outcome = .failure(error)
    }
    for connection in connections { await connection.close() }
    return try outcome.get()
}

extension Process {
    /// Waits until Redis has executed all commands so far.
    func flush() async throws { _ = try await redis?.submit(["PING"]).get() }
}

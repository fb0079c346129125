import Logging
import MartletCore
import MartletRedis
import Synchronization

/// Removes from the streams what all subscribers have received. It never removes anything by a stream's length.
final class StreamTrimmer: Sendable {
    private struct Times {
        var trim: ContinuousClock.Instant
        var warning: ContinuousClock.Instant
    }

    private let options: RedisStreamsBroker.Options
    private let logger: Logger
    private let times = Mutex<[String: Times]>([:])

    init(_ options: RedisStreamsBroker.Options, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    /// Trims the stream of a source if it is time. What fails is tried again the next time.
    func trimIfDue(_ source: String, on client: RedisClient) async {
        let now = ContinuousClock.now
        let isDue = times.withLock { times in
            // Not at once, and not all processes at the same time.
            let first = now + options.trimInterval * Double.random(in: 0..<1)
            var entry = times[source] ?? Times(trim: first, warning: now)
            let isDue = entry.trim <= now
            if isDue { entry.trim = now + options.trimInterval }
            times[source] = entry
            return isDue
        }
        guard isDue else { return }
        do {
            let names = StreamNames(prefix: options.prefix)
            let reply = try await client.send([
                "EVAL", .text(StreamScripts.trim), 3, .text(names.events(of: source)), .text(names.state(of: source)),
                .text(names.subscribers(of: source)), .integer(options.settling.milliseconds),
                .integer(options.retentionWithoutSubscribers.milliseconds),
            ])
            warn(source, reply.array ?? [])
        } catch {
            logger.debug("trimming a stream failed", metadata: ["source": "\(source)", "error": "\(error)"])
        }
    }

    private func warn(_ source: String, _ result: [RedisValue]) {
        guard let subscriber = result.first?.text else { return }
        let wait = result.count > 1 ? result[1].integer : nil
        if let wait, wait < options.slowSubscriber.milliseconds { return }
        let now = ContinuousClock.now
        let isDue = times.withLock { times in
            guard times[source]?.warning ?? now <= now else { return false }
            times[source]?.warning = now + .seconds(600)
            return true
        }
        guard isDue else { return }
        logger.warning(
            wait == nil
                ? "a subscriber has no consumer group, so its stream is not trimmed"
                : "a subscriber does not read its events, so the stream grows",
            metadata: [
                "source": "\(source)", "subscriber": "\(subscriber)", "waiting_seconds": "\((wait ?? 0) / 1000)",
            ])
    }
}

import Logging
import MartletCore
import MartletTelemetry

/// Hands the events of a service to the broker, in the process that leads.
struct Relay: Sendable {
    /// How often an idle relay checks that the broker has forgotten nothing.
    private static let checkInterval = Duration.seconds(10)

    let outbox: OutboxStore
    let broker: any Broker
    let leadership: Leadership
    let signal: Signal
    let metrics: JobMetrics
    let logger: Logger
    let batch: Int

    /// Runs until the task is cancelled.
    func run() async {
        var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(5))
        var position: String?
        var isPositionKnown = false
        var isCheck = false
        while !Task.isCancelled {
            guard leadership.isLeader else {
                isPositionKnown = false
                isCheck = false
                await signal.wait()
                continue
            }
            do {
                if !isPositionKnown {
                    position = try await outbox.position()
                    isPositionKnown = true
                }
                // Woken by no signal, it only checks.
                let entries = isCheck ? [] : try await outbox.unpublished(atMost: batch)
                let next = try await broker.publish(entries.map(\.envelope), from: outbox.source, after: position)
                try await outbox.published(entries, position: next)
                position = next
                metrics.published.increment(by: entries.count)
                backoff.reset()
                isCheck = false
                if entries.count < batch { isCheck = await !signal.wait(atMost: Self.checkInterval) }
            } catch BrokerError.forgot {
                guard let count = await retryingTransientErrors({ try await outbox.publishAgain() }) else {
                    try? await Task.sleep(for: backoff.next())
                    continue
                }
                position = nil
                isCheck = false
                logger.warning("the broker has lost events; publishing them again", metadata: ["count": "\(count)"])
            } catch {
                guard !Task.isCancelled else { return }
                isPositionKnown = false
                isCheck = false
                logger.warning("cannot publish events yet", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: backoff.next())
            }
        }
    }
}

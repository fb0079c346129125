import Logging
import MartletCore
import MartletTelemetry

/// Receives the events of other services, in the process that leads.
struct Receiving: Sendable {
    let service: String
    let inbox: InboxStore
    let sources: Set<String>
    let broker: any Broker
    let leadership: Leadership
    let signals: MessagingSignals
    let metrics: JobMetrics
    let logger: Logger

    /// Runs until the task is cancelled.
    func run() async {
        guard !sources.isEmpty else { return }
        var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(5))
        while !Task.isCancelled {
            guard leadership.isLeader || !broker.receivesInOneProcess else {
                await leadership.changed.wait()
                continue
            }
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await broker.receive(service, from: sources) { try await store($0) } }
                    group.addTask {
                        while leadership.isLeader || !broker.receivesInOneProcess, !Task.isCancelled {
                            await leadership.changed.wait()
                        }
                    }
                    try await group.next()
                    group.cancelAll()
                }
                backoff.reset()
            } catch {
                guard !Task.isCancelled else { return }
                logger.warning("cannot receive events yet", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    private func store(_ events: [Envelope]) async throws {
        let received = try await inbox.store(events)
        metrics.received.increment(by: received.count)
        metrics.duplicates.increment(by: received.duplicates)
        if !received.queues.isEmpty { signals.jobsAreReady(in: received.queues) }
        for missing in received.missing { try await ask(for: missing) }
        for lost in received.lost {
            metrics.lost.increment()
            logger.error(
                "gave up waiting for a missing event",
                metadata: ["source": "\(lost.source)", "subject": "\(lost.subject)", "sequence": "\(lost.from)"])
        }
    }

    /// Asks again for what is still missing.
    func askForMissing() async throws {
        for missing in try await inbox.missing() { try await ask(for: missing) }
    }

    private func ask(for missing: MissingEvents) async throws {
        logger.warning(
            "an event is missing; asking for it",
            metadata: ["source": "\(missing.source)", "subject": "\(missing.subject)", "sequence": "\(missing.from)"])
        try await broker.request(missing)
    }
}

import Logging
import MartletCore
import MartletData

/// The heartbeat of an instance, and what the leader does for all: due jobs, schedules, and jobs of dead processes.
struct Coordinator: Sendable {
    /// The least time between two looks at the database.
    private static let minimumWait = Duration.milliseconds(25)

    let instances: InstanceStore
    let jobs: JobStore
    let outbox: OutboxStore
    let receiving: Receiving
    let scheduler: Scheduler
    let janitor: Janitor
    let attempts: JobAttempts
    let kinds: [JobKind]
    let workers: [QueueWorker]
    let broker: any Broker
    let leadership: Leadership
    let signals: MessagingSignals
    let metrics: JobMetrics
    let options: MessagingOptions
    let logger: Logger

    private struct Turn {
        var nextBeat = ContinuousClock.now
        var nextRound = ContinuousClock.now
        var nextRepair = ContinuousClock.now
        /// Before it, no process counts as dead: after an outage of the database, the heartbeats of all are old.
        var trustsHeartbeats = ContinuousClock.now
        /// When the next slot of a schedule is due, if it is known.
        var nextSlot: Timestamp?
        var isAway = false
    }

    /// Runs until the task is cancelled.
    func run() async {
        var turn = Turn()
        while !Task.isCancelled {
            var wait = options.heartbeat
            do {
                wait = try await self.turn(&turn)
                if turn.isAway {
                    logger.info("messaging goes on: the database is available again")
                    turn.trustsHeartbeats = .now + options.deadAfter
                }
                turn.isAway = false
            } catch {
                guard !Task.isCancelled else { return }
                // A process that cannot reach the database must not believe that it leads.
                if leadership.set(false) { signals.relay.set() }
                if !turn.isAway { logger.warning("messaging waits", metadata: ["error": "\(error)"]) }
                turn.isAway = true
                wait = .seconds(1)
            }
            try? await Task.sleep(for: Self.minimumWait)
            await signals.coordinator.wait(atMost: max(.zero, wait - Self.minimumWait))
        }
    }

    /// - Returns: the time until the next turn, unless a signal comes before.
    private func turn(_ turn: inout Turn) async throws -> Duration {
        let now = ContinuousClock.now
        let isBeat = now >= turn.nextBeat
        let look = try await instances.look(beating: isBeat)
        if isBeat {
            // Up to a tenth earlier, so that processes started together do not beat together.
            turn.nextBeat = now + options.heartbeat * Double.random(in: 0.9...1)
            if look.running > 0 {
                for worker in workers { worker.checkClaims() }
                signals.lastChances.set()
            }
        }
        signals.hasOthers = look.instances > 1
        var isLeader = look.leader == instances.instance
        if look.leader == nil { isLeader = try await instances.lead() }
        if leadership.set(isLeader) {
            signals.relay.set()
            turn.nextSlot = nil
        }
        if look.hasReady { signals.lookForJobs() }
        if look.hasLastChances { signals.lastChances.set() }
        if look.hasUnpublished { signals.relay.set() }
        if look.hasCancelled { attempts.cancel(try await jobs.cancelled()) }
        var wait = turn.nextBeat - .now
        guard isLeader else { return wait }
        if look.hasStranded, now >= turn.trustsHeartbeats { try await rescue() }
        if let due = look.nextRun {
            if due <= look.now {
                signals.jobsAreReady(in: try await instances.promote())
                wait = .zero
            } else {
                wait = min(wait, .microseconds(due.microseconds - look.now.microseconds))
            }
        }
        if turn.nextSlot.map({ $0 <= look.now }) ?? true {
            turn.nextSlot = try await scheduler.fire(at: look.now) ?? Timestamp(microseconds: .max)
        }
        if let next = turn.nextSlot { wait = min(wait, .microseconds(next.microseconds - look.now.microseconds)) }
        if now >= turn.nextRound {
            turn.nextRound = now + .seconds(30)
            try await janitor.measure(into: metrics)
            do {
                try await receiving.askForMissing()
                try await publishMissing()
            } catch  where !(error is DatabaseError) {
                // A broker that is away delays its events only.
                logger.info("cannot ask for missing events yet", metadata: ["error": "\(error)"])
            }
        }
        if now >= turn.nextRepair {
            turn.nextRepair = now + .seconds(600)
            // An old program may have enqueued into the queues that it knew.
            try await instances.requeue(kinds)
            signals.jobsAreReady(in: try await janitor.repairLanes())
        }
        return wait
    }

    private func rescue() async throws {
        let rescued = try await instances.rescue()
        for job in rescued {
            let metadata: Logger.Metadata = ["job": "\(job.id)", "kind": "\(job.kind)"]
            if job.state == "dead" {
                logger.error(
                    "job is dead: the process crashed while it ran, \(InstanceStore.maximumCrashes) times",
                    metadata: metadata)
            } else {
                logger.warning("job runs again: its process is dead", metadata: metadata)
            }
        }
        signals.jobsAreReady(in: Set(rescued.map(\.queue)))
        signals.lastChances.set()
    }

    private func publishMissing() async throws {
        var count = 0
        for missing in try await broker.takeRequests(to: outbox.source) {
            count += try await outbox.publishAgain(missing)
        }
        if count > 0 { signals.relay.set() }
    }
}

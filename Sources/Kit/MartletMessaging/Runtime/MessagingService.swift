public import Logging
import MartletCore
public import MartletData
public import MartletTelemetry
public import ServiceLifecycle

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Runs the messages of one service in one process: publishes and receives events, runs jobs, fires schedules.
public final class MessagingService: Service {
    private let messages: Messages
    private let database: Database
    private let broker: any Broker
    private let options: MessagingOptions
    private let kinds: [JobKind]
    private let sources: Set<String>
    private let instances: InstanceStore
    private let finisher: Finisher
    private let attempts: JobAttempts
    private let workers: [QueueWorker]
    private let lastChance: LastChance
    private let relay: Relay
    private let receiving: Receiving
    private let coordinator: Coordinator
    private let janitor: Janitor
    private let leadership: Leadership
    private let logger: Logger

    /// - Parameters:
    ///   - published: the types of all events that services of the platform publish.
    /// - Throws: ``MessagingError/invalidDeclaration(_:)``.
    public init(
        _ messages: Messages, _ declaration: MessagingDeclaration, on database: Database, through broker: any Broker,
        published: Set<String>, options: MessagingOptions = .init(), metrics registry: MetricsRegistry,
        spans: SpanRecorder? = nil, logger: Logger
    ) throws {
        try declaration.validate(service: messages.service, published: published)
        self.messages = messages
        self.database = database
        self.broker = broker
        self.options = options
        kinds = declaration.jobs + declaration.handlers.map(\.kind)
        messages.register(declaration.jobs)
        let instance = UUID().uuidString.lowercased()
        let time = messages.time
        let metrics = JobMetrics(registry, service: messages.service)
        let leadership = Leadership()
        let jobs = JobStore(database: database, time: time, instance: instance)
        instances = InstanceStore(database: database, time: time, instance: instance, deadAfter: options.deadAfter)
        finisher = Finisher(jobs)
        let attempts = JobAttempts(
            service: messages.service, jobs: jobs, finisher: finisher, running: RunningJobs(),
            signals: messages.signals, metrics: metrics, spans: spans, logger: logger, firstRetry: options.firstRetry)
        self.attempts = attempts
        workers = Dictionary(grouping: kinds, by: \.queue).sorted { $0.key < $1.key }.map { queue, kinds in
            QueueWorker(
                queue, kinds, concurrency: kinds.compactMap(\.concurrency).max() ?? options.concurrency, attempts,
                jobs: jobs, signal: messages.signals.jobs(in: queue), logger: logger)
        }
        lastChance = LastChance(
            kinds, attempts, jobs: jobs, signal: messages.signals.lastChances, logger: logger)
        let outbox = OutboxStore(database: database, time: time, source: messages.service)
        relay = Relay(
            outbox: outbox, broker: broker, leadership: leadership, signal: messages.signals.relay, metrics: metrics,
            logger: logger, batch: options.batch)
        sources = Set(declaration.handlers.map { $0.event.source })
        let inbox = InboxStore(
            database: database, time: time,
            handlers: Dictionary(declaration.handlers.map { ($0.kind.name, $0.kind) }) { first, _ in first },
            orderedSources: Set(declaration.handlers.filter { !$0.kind.isUnordered }.map { $0.event.source }))
        receiving = Receiving(
            service: messages.service, inbox: inbox, sources: sources, broker: broker, leadership: leadership,
            signals: messages.signals, metrics: metrics, logger: logger)
        let scheduler = try Scheduler(
            declaration.schedules, messages: messages, database: database, time: time)
        janitor = Janitor(database: database, time: time)
        self.leadership = leadership
        self.logger = logger
        coordinator = Coordinator(
            instances: instances, jobs: jobs, outbox: outbox, receiving: receiving, scheduler: scheduler,
            janitor: janitor, attempts: attempts, kinds: kinds, workers: workers, broker: broker,
            leadership: leadership, signals: messages.signals, metrics: metrics, options: options, logger: logger)
    }

    /// Creates the tables of messaging.
    public static func migrate(_ database: Database) async throws {
        try await database.migrate(MessagingTables.migrations, track: MessagingTables.track)
    }

    /// Prepares the database, and declares the subscriptions before any service of the process runs.
    /// - Throws: the errors of ``prepareDatabase()`` and ``subscribe()``.
    public func prepare() async throws {
        try await prepareDatabase()
        try await subscribe()
    }

    /// - Throws: ``DatabaseError``.
    public func prepareDatabase() async throws {
        try await instances.requeue(kinds)
        if database.dialect == .sqlite {
            // The only process starts now: whatever ran before is ready again.
            try await instances.forgetAll()
        }
    }

    /// - Throws: the errors of the broker.
    public func subscribe() async throws {
        if !sources.isEmpty { try await broker.declare(messages.service, subscribesTo: sources) }
    }

    /// Runs until the shutdown: takes no more jobs, lets the running ones end for a while, and gives back the rest.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await cancelWhenGracefulShutdown { await self.coordinator.run() } }
            group.addTask { await cancelWhenGracefulShutdown { await self.relay.run() } }
            group.addTask { await cancelWhenGracefulShutdown { await self.receiving.run() } }
            group.addTask {
                await cancelWhenGracefulShutdown { await self.janitor.run(self.leadership, logger: self.logger) }
            }
            group.addTask { await cancelWhenGracefulShutdown { await self.hearOthers() } }
            group.addTask { await cancelWhenGracefulShutdown { await self.tellOthers() } }
            group.addTask { await self.attempts.watch() }
            group.addTask { await self.finisher.run() }
            await runWorkers()
            group.cancelAll()
        }
        // What a claim took that was under way.
        try? await instances.releaseAll()
        try? await instances.leave()
    }

    private func runWorkers() async {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    guard !self.workers.isEmpty else { return (try? await gracefulShutdown()) ?? () }
                    await withDiscardingTaskGroup { workers in
                        for worker in self.workers { workers.addTask { await worker.run() } }
                        workers.addTask { await self.lastChance.run() }
                    }
                }
                group.addTask {
                    try? await gracefulShutdown()
                    try? await Task.sleep(for: self.options.grace)
                }
                await group.next()
                // At once, because a handler may ignore that it is cancelled. The fence keeps it from its job.
                try? await self.instances.releaseAll()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            for worker in self.workers { worker.stop() }
            self.lastChance.stop()
        }
    }

    // MARK: Other processes

    /// The channel of PostgreSQL's notifications between the processes that run the service.
    private var channel: String { "martlet_messaging_\(messages.service)" }

    private func hearOthers() async {
        guard database.dialect == .postgres else { return }
        await database.listen(to: channel) { [messages] in messages.signals.lookEverywhere() }
    }

    /// Sends hints after the commits that they are about, few for many: `NOTIFY` takes a lock that all transactions of the
    /// server share.
    private func tellOthers() async {
        guard database.dialect == .postgres else { return }
        while !Task.isCancelled {
            await messages.signals.others.wait()
            guard messages.signals.hasOthers else { continue }
            _ = try? await database.query("SELECT pg_notify(\(channel), '')")
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

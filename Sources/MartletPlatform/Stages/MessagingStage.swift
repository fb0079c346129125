import Logging
import MartletCore
import MartletMessaging
import MartletWeb
import ServiceLifecycle

/// The events, jobs and schedules of this process's services.
struct MessagingStage: Stage {
    /// How long a start waits for a broker that does not respond yet.
    private static let patience = Duration.seconds(30)

    private let services: [MessagingService]
    private let broker: PlatformBroker
    private let logger: Logger

    /// - Throws: ``Failure`` for a handler, job or schedule that is declared wrong.
    init(
        _ hosted: [HostedService], _ settings: Settings, _ composition: Composition, _ telemetry: TelemetryStage
    ) throws {
        logger = telemetry.logger
        broker = try PlatformBroker(settings, composition, logger: logger)
        let published = Set(composition.services.flatMap { $0.events.map { $0.type } })
        do {
            services = try hosted.map { [broker] in
                try $0.messaging(through: broker.broker, published: published, options: composition.messaging)
            }
        } catch let error as MessagingError {
            throw Failure("\(error)")
        }
    }

    /// Declares the subscriptions of all services before any of them publishes.
    /// - Throws: ``Failure`` when the broker does not respond in time.
    func prepare() async throws {
        for service in services { try await service.prepareDatabase() }
        let end = ContinuousClock.now + Self.patience
        while true {
            do {
                try await broker.prepare()
                for service in services { try await service.subscribe() }
                return
            } catch {
                guard ContinuousClock.now < end else { throw Failure("\(broker.setting): cannot be reached: \(error)") }
                logger.warning("waiting for the broker", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    var tasks: [StageTask] { [StageTask("messaging", AllMessaging(services: services))] }

    func close() async { await broker.close() }
}

/// Runs the messages of all services at once, so that they also shut down at once.
private struct AllMessaging: ServiceLifecycle.Service {
    let services: [MessagingService]

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            try await group.waitForAll()
        }
    }
}

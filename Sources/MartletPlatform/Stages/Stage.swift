import ServiceLifecycle

/// A part of the process. Its tasks end before those of the stages before it.
///
/// ``PlatformProcess`` defines the order. A stage's initializer takes the stages it depends on.
protocol Stage: Sendable {
    /// Tasks that run until the shutdown. They shut down in reverse order.
    var tasks: [StageTask] { get }

    /// Releases the stage's resources after all tasks have ended, or after a failed start.
    func close() async
}

extension Stage {
    var tasks: [StageTask] { [] }
    func close() async {}
}

/// A task with its name for logs.
///
/// Without a name, logs would describe the value with all its properties, such as a registry's password.
struct StageTask: Sendable {
    let name: String
    let service: any ServiceLifecycle.Service

    init(_ name: String, _ service: any ServiceLifecycle.Service) {
        self.name = name
        self.service = service
    }

    var configuration: ServiceGroupConfiguration.ServiceConfiguration {
        ServiceGroupConfiguration.ServiceConfiguration(service: service, serviceName: name)
    }
}

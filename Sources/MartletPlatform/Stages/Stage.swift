import ServiceLifecycle

/// A part of the process that starts after those before it and ends before them.
///
/// ``PlatformProcess`` has the order. A stage is made from the stages that it needs, so its initializer says what must be
/// there first.
protocol Stage: Sendable {
    /// What runs until the shutdown. The first to start is the last to be shut down.
    var tasks: [StageTask] { get }

    /// Gives back what the stage holds, after everything has ended, and after a start that failed.
    func close() async
}

extension Stage {
    var tasks: [StageTask] { [] }
    func close() async {}
}

/// Something that runs, under the name that the log has for it.
///
/// Without a name a struct describes itself with all that it holds, such as a registry's password.
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

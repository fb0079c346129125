import MartletCore
import MartletDiscovery
import MartletWeb

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The settings of one `serve`. Flags override the environment, which overrides the file. They are checked before
/// anything starts.
package struct Settings: Sendable {
    var process: ProcessSettings
    package var data: DataSettings
    var messaging: MessagingSettings
    var discovery: DiscoverySettings
    var edge: EdgeSettings
    var telemetry: TelemetrySettings
    /// The services' settings by service name.
    private var services: [String: any SettingGroup]

    /// Reads all settings. A reader without values lists them.
    init(reading reader: inout SettingReader, _ composition: Composition) {
        process = ProcessSettings(&reader, composition)
        data = DataSettings(&reader)
        messaging = MessagingSettings(&reader)
        discovery = DiscoverySettings(&reader, composition)
        edge = EdgeSettings(&reader)
        services = [:]
        for service in composition.services { services[service.name] = Self.group(of: service, &reader) }
        telemetry = TelemetrySettings(&reader)
    }

    private static func group<S: Service>(of service: S.Type, _ reader: inout SettingReader) -> any SettingGroup {
        S.Settings(&reader)
    }

    /// The settings of one service.
    func settings<S: Service>(of service: S.Type) -> S.Settings {
        services[S.name] as? S.Settings ?? S.Settings()
    }

    /// The registry entry of a service that runs elsewhere; nil if the service runs here or has an address.
    func source(of service: String) -> DiscoverySource? {
        guard let registry = discovery.registry, !process.services.contains(service),
            discovery.remotes[service] == nil
        else { return nil }
        return .etcd(EtcdSource(registry, prefix: EtcdSource.prefix(of: service)))
    }

    /// Checks the settings of the services in this process.
    func serviceProblems(_ composition: Composition) -> [String] {
        composition.services.filter { process.services.contains($0.name) }.compactMap { service in
            do {
                try services[service.name]?.validate()
                return nil
            } catch {
                return "\(error)"
            }
        }
    }
}

extension Settings {
    /// Reads the settings of this process.
    /// - Throws: ``UsageError`` with every invalid setting.
    package init<Scope>(_ options: SettingOptions<Scope>) throws(UsageError) {
        try self.init(options.values, file: options.file, environment: ProcessInfo.processInfo.environment)
    }

    /// Reads a path that is not a setting.
    /// - Parameter name: the start of the error message.
    /// - Throws: ``UsageError``.
    package static func path(_ text: String, of name: String) throws(UsageError) -> String {
        do { return try SettingValue.path(text) } catch { throw UsageError("\(name): \(error)") }
    }
}

import ArgumentParser

/// The settings as flags; each documented once, by its key.
struct SettingsOptions: ParsableArguments {
    @Option(name: .customLong("config"), help: "A YAML file with the same keys, with underscores.")
    var file: String?

    @Option(help: help(.only)) var only: String?
    @Option(help: help(.listen)) var listen: String?
    @Option(help: help(.port)) var port: String?
    @Option(help: help(.dataDir)) var dataDir: String?
    @Option(help: help(.consoleDir)) var consoleDir: String?
    @Option(help: help(.databaseURL)) var databaseURL: String?
    @Option(help: help(.databaseConnections)) var databaseConnections: String?
    @Option(
        name: .customLong("service"),
        help: "Where a service that runs elsewhere is: catalog=http://host:port. May be repeated.")
    var services: [String] = []
    @Option(help: help(.registryURL)) var registryURL: String?
    @Option(help: help(.registryCA)) var registryCA: String?
    @Option(help: help(.registryCertificate)) var registryCertificate: String?
    @Option(help: help(.registryKey)) var registryKey: String?
    @Flag(help: "Enter the services that run here in the registry.") var register = false
    @Option(help: help(.advertiseAddress)) var advertiseAddress: String?
    @Option(
        name: .customLong("route"), help: "Another path the gateway passes on: /path=http://host:port. May be repeated."
    )
    var routes: [String] = []
    @Option(help: help(.gatewayFile)) var gatewayFile: String?
    @Option(help: help(.adminListen)) var adminListen: String?
    @Option(help: help(.trustedProxies)) var trustedProxies: String?
    @Option(help: help(.adminEmail)) var adminEmail: String?
    @Option(help: help(.registration)) var registration: String?
    @Option(help: help(.accessTokenLifetime)) var accessTokenLifetime: String?
    @Option(help: help(.refreshTokenLifetime)) var refreshTokenLifetime: String?
    @Option(help: help(.otlpEndpoint)) var otlpEndpoint: String?
    @Option(help: help(.traceSample)) var traceSample: String?
    @Option(help: help(.logLevel)) var logLevel: String?

    private static func help(_ key: SettingKey) -> ArgumentHelp { ArgumentHelp(key.documentation) }

    var values: [SettingKey: String] {
        let single: [SettingKey: String?] = [
            .only: only, .listen: listen, .port: port, .dataDir: dataDir, .consoleDir: consoleDir,
            .databaseURL: databaseURL, .databaseConnections: databaseConnections, .trustedProxies: trustedProxies,
            .adminEmail: adminEmail, .registration: registration, .accessTokenLifetime: accessTokenLifetime,
            .refreshTokenLifetime: refreshTokenLifetime, .logLevel: logLevel,
            .otlpEndpoint: otlpEndpoint, .traceSample: traceSample,
            .services: services.isEmpty ? nil : services.joined(separator: ","),
            .registryURL: registryURL, .registryCA: registryCA, .registryCertificate: registryCertificate,
            .registryKey: registryKey, .register: register ? "true" : nil, .advertiseAddress: advertiseAddress,
            .gatewayFile: gatewayFile, .adminListen: adminListen,
            .routes: routes.isEmpty ? nil : routes.joined(separator: ","),
        ]
        return single.compactMapValues { $0 }
    }
}

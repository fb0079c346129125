import ArgumentParser

/// The settings as flags; each documented once, by its key.
struct SettingsOptions: ParsableArguments {
    @OptionGroup var database: DatabaseOptions

    @Option(help: SettingKey.only.help) var only: String?
    @Option(help: SettingKey.listen.help) var listen: String?
    @Option(help: SettingKey.port.help) var port: String?
    @Option(help: SettingKey.consoleDir.help) var consoleDir: String?
    @Option(help: SettingKey.databaseConnections.help) var databaseConnections: String?
    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            "Where a service that runs elsewhere is. May be repeated.", valueName: SettingKey.services.form))
    var services: [String] = []
    @Option(help: SettingKey.registryURL.help) var registryURL: String?
    @Option(help: SettingKey.registryCA.help) var registryCA: String?
    @Option(help: SettingKey.registryCertificate.help) var registryCertificate: String?
    @Option(help: SettingKey.registryKey.help) var registryKey: String?
    @Flag(help: "Enter the services of this process in the registry.") var register = false
    @Option(help: SettingKey.advertiseAddress.help) var advertiseAddress: String?
    @Option(
        name: .customLong("route"),
        help: ArgumentHelp(
            "Another path for the gateway to pass on. May be repeated.", valueName: SettingKey.routes.form))
    var routes: [String] = []
    @Option(help: SettingKey.gatewayFile.help) var gatewayFile: String?
    @Option(help: SettingKey.adminListen.help) var adminListen: String?
    @Option(help: SettingKey.trustedProxies.help) var trustedProxies: String?
    @Option(help: SettingKey.adminEmail.help) var adminEmail: String?
    @Option(help: SettingKey.registration.help) var registration: String?
    @Option(help: SettingKey.accessTokenLifetime.help) var accessTokenLifetime: String?
    @Option(help: SettingKey.refreshTokenLifetime.help) var refreshTokenLifetime: String?
    @Option(help: SettingKey.otlpEndpoint.help) var otlpEndpoint: String?
    @Option(help: SettingKey.traceSample.help) var traceSample: String?
    @Option(help: SettingKey.logLevel.help) var logLevel: String?

    var file: String? { database.file }

    var values: [SettingKey: String] {
        let single: [SettingKey: String?] = [
            .only: only, .listen: listen, .port: port, .consoleDir: consoleDir,
            .databaseConnections: databaseConnections, .trustedProxies: trustedProxies,
            .adminEmail: adminEmail, .registration: registration, .accessTokenLifetime: accessTokenLifetime,
            .refreshTokenLifetime: refreshTokenLifetime, .logLevel: logLevel,
            .otlpEndpoint: otlpEndpoint, .traceSample: traceSample,
            .services: services.isEmpty ? nil : services.joined(separator: ","),
            .registryURL: registryURL, .registryCA: registryCA, .registryCertificate: registryCertificate,
            .registryKey: registryKey, .register: register ? "true" : nil, .advertiseAddress: advertiseAddress,
            .gatewayFile: gatewayFile, .adminListen: adminListen,
            .routes: routes.isEmpty ? nil : routes.joined(separator: ","),
        ]
        return single.compactMapValues { $0 }.merging(database.values) { own, _ in own }
    }
}

import ArgumentParser

/// The settings that say where the platform's data is, as flags.
struct DatabaseOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("A YAML file with the same keys, with underscores.", valueName: "file.yaml"))
    var file: String?

    @Option(help: SettingKey.dataDir.help) var dataDir: String?
    @Option(help: SettingKey.databaseURL.help) var databaseURL: String?

    var values: [SettingKey: String] {
        let values: [SettingKey: String?] = [.dataDir: dataDir, .databaseURL: databaseURL]
        return values.compactMapValues { $0 }
    }
}

extension SettingKey {
    /// The help of its flag.
    var help: ArgumentHelp { ArgumentHelp(documentation, valueName: form) }
}

import Configuration
import MartletCore

extension Settings {
    /// - Parameters:
    ///   - flags: values by key.
    ///   - file: the path of the YAML file, if there is one.
    /// - Throws: ``UsageError`` with every invalid setting.
    init(_ flags: [String: String], file: String?, environment: [String: String]) throws(UsageError) {
        let composition = Composition.current
        let declared = composition.settings
        let values = try file.map { path throws(UsageError) in
            try ConfigurationFile.read(Self.path(path, of: "config"), declared.map(\.key))
        }
        let environment = environment.filter { !Self.isServiceLink($0.key, $0.value, declared) }
        // The strongest source first.
        let sources = [
            ConfigReader(provider: Self.provider("flags", flags, declared)),
            ConfigReader(
                provider: EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: .all)
                    .prefixKeys(with: "martlet")),
            ConfigReader(
                provider: Self.provider("environment", Self.commonVariables(environment, declared), declared)),
            ConfigReader(provider: Self.provider("file", values ?? [:], declared)),
        ]
        func rank(of key: String) -> Int? {
            sources.firstIndex { $0.string(forKey: ConfigKey([key]), isSecret: true) != nil }
        }
        var reader = SettingReader { setting in
            guard let source = rank(of: setting.key) else { return nil }
            if let other = setting.shortFormOf.flatMap(rank), other < source { return nil }
            return sources[source].string(forKey: ConfigKey([setting.key]), isSecret: setting.isSecret)
        }
        self.init(reading: &reader, composition)
        var problems = Self.unknownVariables(environment.keys, declared) + reader.problems
        if problems.isEmpty { problems = contradictions(composition) }
        if problems.isEmpty { problems = serviceProblems(composition) }
        guard problems.isEmpty else { throw UsageError(problems) }
    }

    private static func unknownVariables(_ names: some Sequence<String>, _ settings: [Setting]) -> [String] {
        let variables = settings.map(\.variable)
        let known = Set(variables)
        return names.sorted().filter {
            $0.hasPrefix("MARTLET_") && !$0.hasPrefix("MARTLET_TEST_") && !known.contains($0)
        }.map { name in
            let shown = String(name.unicodeScalars.prefix(80))
            return "\(shown): unknown setting.\(Suggestion.hint(for: name, among: variables))"
        }
    }

    /// Whether Kubernetes sets the variable in every container because a Service is named `martlet` or
    /// `martlet-accounts`: `MARTLET_SERVICE_HOST`, `MARTLET_PORT=tcp://10.43.0.7:80`, `MARTLET_PORT_80_TCP_ADDR`.
    private static func isServiceLink(_ name: String, _ value: String, _ declared: [Setting]) -> Bool {
        guard name.hasPrefix("MARTLET_") else { return false }
        if name.hasSuffix("_PORT") || name.hasSuffix("_TCP") || name.hasSuffix("_UDP") || name.hasSuffix("_SCTP") {
            if ["tcp://", "udp://", "sctp://"].contains(where: value.hasPrefix) { return true }
        }
        guard !declared.contains(where: { $0.variable == name }) else { return false }
        return name.contains(#/_SERVICE_(HOST|PORT)(_|$)/#) || name.contains(#/_PORT_[0-9]+_(TCP|UDP|SCTP)_/#)
    }

    private static func commonVariables(_ environment: [String: String], _ settings: [Setting]) -> [String: String] {
        var values: [String: String] = [:]
        for setting in settings {
            values[setting.key] = setting.commonVariables.lazy.compactMap { environment[$0] }.first
        }
        return values
    }

    private static func provider(_ name: String, _ values: [String: String], _ settings: [Setting]) -> InMemoryProvider
    {
        let secrets = Set(settings.filter(\.isSecret).map(\.key))
        return InMemoryProvider(
            name: name,
            values: Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    (AbsoluteConfigKey([key]), ConfigValue(.string(value), isSecret: secrets.contains(key)))
                }))
    }
}

import ArgumentParser
package import MartletCore

/// The settings that a command takes as flags.
package protocol SettingScope {
    static var settings: [Setting] { get }
}

/// All settings, for `serve` and the checks.
package enum AllSettings: SettingScope {
    package static var settings: [Setting] { Composition.current.settings }
}

/// The location of the data, for commands that read or write it without serving.
package enum DataScope: SettingScope {
    package static var settings: [Setting] { DataSettings.declarations }
}

/// Settings as flags, derived from their declarations, and `--config FILE`.
package struct SettingOptions<Scope: SettingScope>: ParsableArguments, CustomReflectable {
    /// The path given with `--config`.
    package private(set) var file: String?
    package private(set) var values: [String: String] = [:]

    /// A setting whose flag is given more than once although it has one value.
    private var repeated: Setting?

    package init() {}

    /// The value of a flag, by the key of its setting.
    subscript(key: String) -> String? {
        get { values[key] }
        set { values[key] = newValue }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FlagKey.self)
        file = try container.decode(Option<String?>.self, forKey: .file).wrappedValue
        for setting in Scope.settings {
            let key = FlagKey(setting.key)
            switch setting.flag {
            case .option:
                let given = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                if given.count > 1 { repeated = setting }
                values[setting.key] = given.first
            case .toggle:
                if try container.decode(ArgumentParser.Flag<Bool>.self, forKey: key).wrappedValue {
                    values[setting.key] = "true"
                }
            case .repeated:
                let elements = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                if !elements.isEmpty { values[setting.key] = elements.joined(separator: ",") }
            case .none: break
            }
        }
    }

    package mutating func validate() throws {
        guard let repeated else { return }
        throw ValidationError("--\(repeated.key.replacing("_", with: "-")) is given more than once")
    }

    /// ArgumentParser finds flags by reflection. This mirror has the property wrappers of a struct with one property
    /// for each setting.
    package var customMirror: Mirror {
        let file = Option<String?>(
            name: .customLong("config"),
            help: ArgumentHelp("A YAML file with the same keys, with underscores.", valueName: "file.yaml"))
        let flags = Scope.settings.compactMap { setting in
            Self.flag(of: setting).map { (label: "_" + setting.key, value: $0) }
        }
        return Mirror(self, children: [(label: "_" + FlagKey.file.stringValue, value: file as Any)] + flags)
    }

    private static func flag(of setting: Setting) -> Any? {
        let name = setting.key.replacing("_", with: "-")
        let help = ArgumentHelp(ArgumentParser.ArgumentHelp.text(setting), valueName: setting.form)
        switch setting.flag {
        case .option:
            // An array, to detect a flag that is given more than once.
            return Option<[String]>(wrappedValue: [], name: .customLong(name), parsing: .singleValue, help: help)
        case .toggle: return ArgumentParser.Flag<Bool>(wrappedValue: false, name: .customLong(name), help: help)
        case .repeated(let name):
            return Option<[String]>(wrappedValue: [], name: .customLong(name), parsing: .singleValue, help: help)
        case .none: return nil
        }
    }
}

extension ArgumentHelp {
    fileprivate static func text(_ setting: Setting) -> String {
        if case .repeated = setting.flag { return setting.meaning + " May be repeated." }
        return setting.documentation
    }
}

/// The key of a parsed flag.
private struct FlagKey: CodingKey {
    static let file = FlagKey("config")

    let stringValue: String
    var intValue: Int? { nil }

    init(_ key: String) { stringValue = key }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

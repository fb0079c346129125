/// One setting of a program. ``SettingReader`` declares it where it is read; flags, environment variables, the keys of the
/// YAML file, help and documentation all follow from it.
public struct Setting: Sendable, Equatable {
    /// How a setting is written on the command line. Its name is the key with dashes: `--data-dir`.
    public enum Flag: Sendable, Equatable {
        /// `--data-dir FOLDER`
        case option
        /// `--register`, which means `true`.
        case toggle
        /// `--service VALUE`, once for each element of a comma-separated list.
        case repeated(String)
        /// Not on the command line, which every user of the machine can read: passwords.
        case none
    }

    /// The key in the YAML file: `data_dir`.
    public let key: String
    /// What the setting is for, as a sentence.
    public let meaning: String
    /// What a value looks like: `host:port`.
    public let form: String
    /// What holds without a value, as the documentation shows it. nil: nothing.
    public let defaultText: String?
    /// Whether a value may hold a password, as every URL may. Such a value is not shown.
    public let isSecret: Bool
    public let flag: Flag
    /// Environment variables of other programs that mean the same: `DATABASE_URL`.
    public let commonVariables: [String]

    /// The environment variable: `MARTLET_DATA_DIR`.
    public var variable: String { "MARTLET_\(key.uppercased())" }

    /// The meaning and the default.
    public var documentation: String { meaning + (defaultText.map { " Default: \($0)." } ?? "") }
}

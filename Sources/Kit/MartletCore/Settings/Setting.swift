/// One setting of a program. It is declared where ``SettingReader`` reads it. Flags, environment variables, keys of the
/// YAML file, help and documentation are derived from the declaration.
public struct Setting: Sendable, Equatable {
    /// The form of a setting on the command line. Its name is the key with dashes: `--data-dir`.
    public enum Flag: Sendable, Equatable {
        /// `--data-dir FOLDER`
        case option
        /// `--register`, which means `true`.
        case toggle
        /// `--service VALUE`, once for each element of a comma-separated list.
        case repeated(String)
        /// Not accepted on the command line, which every user of the machine can read. For passwords.
        case none
    }

    /// The key in the YAML file: `data_dir`.
    public let key: String
    /// The purpose of the setting, as a sentence.
    public let meaning: String
    /// The form of a value: `host:port`.
    public let form: String
    /// The default as shown in the documentation; nil if there is none.
    public let defaultText: String?
    /// Whether a value may contain a password, as any URL may. Such a value is never displayed.
    public let isSecret: Bool
    public let flag: Flag
    /// The key of the setting that this one is a short form of: `listen` for `port`. A value of that setting from a stronger
    /// source takes precedence.
    public let shortFormOf: String?
    /// Well-known environment variables with the same meaning: `DATABASE_URL`.
    public let commonVariables: [String]

    /// The environment variable: `MARTLET_DATA_DIR`.
    public var variable: String { "MARTLET_\(key.uppercased())" }

    /// The meaning and the default.
    public var documentation: String { meaning + (defaultText.map { " Default: \($0)." } ?? "") }
}

/// The settings of one service, or of one part of the platform.
///
/// The initializer must read all settings of the group unconditionally. A setting read only sometimes would not be
/// documented.
public protocol SettingGroup: Sendable {
    init(_ settings: inout SettingReader)

    /// Checks the values in combination.
    /// - Throws: an error with a one-line description.
    func validate() throws
}

extension SettingGroup {
    /// Creates the group with its defaults.
    public init() {
        var reader = SettingReader()
        self.init(&reader)
    }

    public func validate() throws {}

    /// The settings that the group declares.
    public static var declarations: [Setting] {
        var reader = SettingReader()
        _ = Self(&reader)
        return reader.settings
    }
}

/// The settings of a service without settings.
public struct NoSettings: SettingGroup {
    public init(_ settings: inout SettingReader) {}
}

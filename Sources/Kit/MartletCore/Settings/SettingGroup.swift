/// The settings of one service, or of one part of the platform.
///
/// The initializer reads all of its settings in every run: a setting that only some runs read could not be documented.
public protocol SettingGroup: Sendable {
    init(_ settings: inout SettingReader)

    /// Checks what values mean together, where the group is used.
    /// - Throws: an error whose description names what is wrong, in one line.
    func validate() throws
}

extension SettingGroup {
    /// The defaults.
    public init() {
        var reader = SettingReader()
        self.init(&reader)
    }

    public func validate() throws {}

    /// What the group declares.
    public static var declarations: [Setting] {
        var reader = SettingReader()
        _ = Self(&reader)
        return reader.settings
    }
}

/// The settings of a service that has none.
public struct NoSettings: SettingGroup {
    public init(_ settings: inout SettingReader) {}
}

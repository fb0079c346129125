public import MartletCore

/// The settings of the service.
public struct ReviewsSettings: SettingGroup {
    var maximumLength: Int

    public init(_ settings: inout SettingReader) {
        maximumLength = settings.read(
            "review_length", "The maximum length of a review's text.", form: "count", default: 2_000
        ) { try SettingValue.integer($0, 1...10_000) }
    }
}

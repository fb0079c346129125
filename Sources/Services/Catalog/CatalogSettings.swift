public import MartletCore

/// The settings of Catalog.
public struct CatalogSettings: SettingGroup {
    /// How old a response to a read of products may be; nil when none is kept.
    var cacheAge: Duration?

    public init(_ settings: inout SettingReader) {
        let seconds = settings.read(
            "catalog_cache",
            "The greatest age of a product or list that is read from a cache. 0 turns the cache off.",
            form: "seconds", default: 0
        ) { try SettingValue.integer($0, 0...300, "seconds") }
        cacheAge = seconds == 0 ? nil : .seconds(seconds)
    }
}

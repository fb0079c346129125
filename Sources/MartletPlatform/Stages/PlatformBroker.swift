import Logging
import MartletMessaging

/// The broker that the settings choose.
struct PlatformBroker {
    let broker: any Broker
    /// The setting at fault when it does not respond.
    let setting: String

    init(_ settings: Settings, _ composition: Composition, logger: Logger) throws {
        broker = LocalBroker()
        setting = "broker"
    }

    func prepare() async throws {}

    func close() async {}
}

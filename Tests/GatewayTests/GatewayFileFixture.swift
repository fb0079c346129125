@testable import Gateway

extension GatewayFile {
    /// The configuration in a file named `f` with this text, on top of the defaults.
    static func configuration(_ text: String) throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration()
        try read(text, name: "f", into: &configuration)
        return configuration
    }
}

@testable import Gateway

extension GatewayFile {
    /// What a file named `f` with this text says, on top of the defaults.
    static func configuration(_ text: String) throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration()
        try read(text, name: "f", into: &configuration)
        return configuration
    }
}

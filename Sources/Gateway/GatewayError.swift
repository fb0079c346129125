/// Why a gateway cannot start or run. `description` is a single line for the operator.
package enum GatewayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another process listens on the address.
    case addressInUse(String)
    /// Binding to the address failed: address, reason.
    case cannotBind(String, reason: String)
    /// The configuration is invalid or contradicts itself; the text names the key.
    case invalidConfiguration(String)
    /// The listening socket closed while the gateway was running.
    case listenerClosed

    package var description: String {
        switch self {
        case .addressInUse(let address): "address already in use: \(address)"
        case .cannotBind(let address, let reason): "cannot listen on \(address): \(reason)"
        case .invalidConfiguration(let text): text
        case .listenerClosed: "the gateway's listener closed unexpectedly"
        }
    }
}

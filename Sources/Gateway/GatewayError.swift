/// Why a gateway cannot start. `description` is one line for the person who starts it.
package enum GatewayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another process listens on the address.
    case addressInUse(String)
    /// The address cannot be listened on: address, reason.
    case cannotBind(String, reason: String)
    /// The configuration contradicts itself; the text names the key.
    case invalidConfiguration(String)
    /// The listener died while the gateway ran.
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

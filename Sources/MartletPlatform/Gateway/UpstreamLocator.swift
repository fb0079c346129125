import Gateway
import MartletCore
import Synchronization

/// Finds the services for the platform's own pages where the gateway itself finds them.
final class UpstreamLocator: Sendable {
    private let state = Mutex<(gateway: Gateway?, next: Int)>((nil, 0))

    var gateway: Gateway? {
        get { state.withLock { $0.gateway } }
        set { state.withLock { $0.gateway = newValue } }
    }

    /// Takes the endpoints in turn; nil before any has been found.
    func endpoint(of upstream: String) -> Endpoint? {
        let (gateway, number) = state.withLock { state in
            state.next &+= 1
            return (state.gateway, state.next)
        }
        let endpoints = gateway?.endpoints(of: upstream) ?? []
        return endpoints.isEmpty ? nil : endpoints[Int(UInt(bitPattern: number) % UInt(endpoints.count))]
    }
}

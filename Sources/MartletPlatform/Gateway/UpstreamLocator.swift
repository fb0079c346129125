import Gateway
import MartletCore
import Synchronization

/// Finds the services for the platform's own pages through the gateway's upstreams.
final class UpstreamLocator: Sendable {
    private let state = Mutex<(gateway: Gateway?, next: Int)>((nil, 0))

    var gateway: Gateway? {
        get { state.withLock { $0.gateway } }
        set { state.withLock { $0.gateway = newValue } }
    }

    /// Returns the endpoints in turn; nil while none is known.
    func endpoint(of upstream: String) -> Endpoint? {
        let (gateway, number) = state.withLock { state in
            state.next &+= 1
            return (state.gateway, state.next)
        }
        let endpoints = gateway?.endpoints(of: upstream) ?? []
        return endpoints.isEmpty ? nil : endpoints[Int(UInt(bitPattern: number) % UInt(endpoints.count))]
    }
}

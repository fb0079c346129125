public import MartletCore
import MartletSystem
import NIOCore

extension ServiceServer {
    /// Whether a server could listen there now. Services listen last, when their databases are ready; this says before
    /// anything is made that they cannot.
    /// - Throws: ``ServiceError`` when somebody else listens there, or it is no address of this machine.
    public static func requireFree(_ endpoint: Endpoint) throws(ServiceError) {
        // A Unix socket is the data folder's own; one that a crash has left behind is taken over.
        guard case .tcp(let host, let port) = endpoint else { return }
        let address: SocketAddress
        do {
            address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        } catch {
            throw ServiceError("there is no address '\(host)'")
        }
        // Bound and never listened on: nobody's connection can end up here.
        let descriptor = socket(address.protocol.rawValue, streamSocket, 0)
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        let result = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        guard result != 0 else { return }
        guard errno == EADDRINUSE else {
            throw ServiceError("cannot listen on \(host):\(port): \(String(cString: strerror(errno)))")
        }
        throw ServiceError("address already in use: \(host):\(port)")
    }
}

public import MartletCore
import MartletSystem
import NIOCore

extension ServiceServer {
    /// Checks that a server can listen on an endpoint. Services start to listen last, when their databases are ready;
    /// this check fails before anything else is created.
    /// - Throws: ``ServiceError`` when the port is in use or the address does not belong to this machine.
    public static func requireFree(_ endpoint: Endpoint) throws(ServiceError) {
        // A Unix socket lies in the data folder; one left behind by a crash is replaced.
        guard case .tcp(let host, let port) = endpoint else { return }
        let address: SocketAddress
        do {
            address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        } catch {
            throw ServiceError("cannot resolve the host '\(host)'")
        }
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

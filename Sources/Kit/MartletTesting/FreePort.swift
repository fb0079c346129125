import MartletSystem
import Synchronization

/// TCP ports of 127.0.0.1 for the servers of tests.
public enum FreePort {
    public struct Missing: Error, CustomStringConvertible {
        public let description: String
    }

    private static let given = Mutex<Set<Int>>([])

    /// A port that nobody listens on; never the same one twice in a run.
    ///
    /// It is below the ports that the system gives to outgoing connections: one of these would keep a server from
    /// starting.
    /// - Throws: ``Missing``.
    public static func choose() throws -> Int {
        var attempts = 0
        while true {
            attempts += 1
            guard let (descriptor, port) = try? bound(to: .random(in: 10_240..<32_768)) else {
                guard attempts < 1000 else { throw Missing(description: "There is no free TCP port.") }
                continue
            }
            close(descriptor)
            if given.withLock({ $0.insert(port).inserted }) { return port }
        }
    }

    /// A socket that is bound to a port; 0 for any that is free. No process inherits it: a server started in this
    /// moment would hold the port for ever.
    /// - Throws: ``Missing``.
    public static func bound(to port: UInt16 = 0) throws -> (descriptor: CInt, port: Int) {
        #if os(Linux)
            // At once: another thread may start a server before the next call.
            let descriptor = socket(AF_INET, streamSocket | O_CLOEXEC, 0)
        #else
            let descriptor = socket(AF_INET, streamSocket, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && bind(descriptor, $0, length) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            let code = errno
            close(descriptor)
            throw Missing(description: "There is no free TCP port: \(String(cString: strerror(code))).")
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }
}

import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// TCP ports of 127.0.0.1 for the servers of tests.
public enum FreePort {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private static let given = Mutex<Set<Int>>([])

    /// Returns a free port, never the same one twice in a run: the system may offer a port again until it is bound.
    public static func choose() throws -> Int {
        while true {
            let (descriptor, port) = try bound()
            close(descriptor)
            if given.withLock({ $0.insert(port).inserted }) { return port }
        }
    }

    /// Runs `body` with a listener that accepts connections and never responds.
    public static func withSilentListener(_ body: (_ port: Int) async throws -> Void) async throws {
        let (descriptor, port) = try bound()
        defer { close(descriptor) }
        guard listen(descriptor, 16) == 0 else { throw Failure(description: "cannot listen: \(errno)") }
        try await body(port)
    }

    /// A close-on-exec socket: a server started meanwhile would otherwise inherit the port.
    private static func bound() throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, streamType, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && bind(descriptor, $0, length) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            throw Failure(description: "no free port: \(errno)")
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    #if canImport(Glibc)
        private static let streamType = Int32(SOCK_STREAM.rawValue)
    #else
        private static let streamType = SOCK_STREAM
    #endif
}

import Foundation
import Synchronization

enum FreePort {
    /// Returns a free TCP port of 127.0.0.1, never the same one twice in a run.
    static func choose() throws -> Int {
        while true {
            let port = try ask()
            if taken.withLock({ $0.insert(port).inserted }) { return port }
        }
    }

    private static let taken = Mutex<Set<Int>>([])

    private static func ask() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: Int? = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(descriptor, address, length) == 0, getsockname(descriptor, address, &length) == 0 else {
                    return nil
                }
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))
                }
            }
        }
        guard let port else { throw TestEnvironment.Missing(description: "There is no free TCP port.") }
        return port
    }
}

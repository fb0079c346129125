import CResolv
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Asks name servers through the C library's resolver, which knows about retries, truncated answers and TCP, and, other
/// than `getaddrinfo`, tells how long an answer holds.
struct DNSResolver: Sendable {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// Of its own, as a name server that does not answer blocks a thread for seconds.
    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        return pool
    }()

    let server: DNSSource.Server?

    enum Question { case a, aaaa, srv }

    /// - Returns: an empty answer for a name that does not exist or has no such records.
    /// - Throws: ``Failed`` when no name server answers, or says that it cannot; ``DNSAnswer/Malformed``.
    func ask(_ name: String, _ question: Question) async throws -> DNSAnswer {
        try await Self.threads.runIfActive { try askBlocking(name, question) }
    }

    private func askBlocking(_ name: String, _ question: Question) throws -> DNSAnswer {
        var state = res_state.Pointee()
        guard martlet_res_ninit(&state) == 0 else { throw Failed(description: "the resolver cannot be set up") }
        defer { martlet_res_nclose(&state) }
        if let server {
            var address = in_addr()
            guard inet_pton(AF_INET, server.address, &address) == 1 else {
                throw Failed(description: "'\(server.address)' is not an IPv4 address")
            }
            martlet_res_use_server(&state, address, in_port_t(clamping: server.port).bigEndian)
        }
        // Seconds until the first repetition, and tries.
        state.retrans = 2
        state.retry = 2
        let type =
            switch question {
            case .a: ns_t_a
            case .aaaa: ns_t_aaaa
            case .srv: ns_t_srv
            }
        // As long as a message over TCP can be.
        var buffer = [UInt8](repeating: 0, count: 65_535)
        let length = res_nsearch(
            &state, name, Int32(ns_c_in.rawValue), Int32(type.rawValue), &buffer, Int32(buffer.count))
        guard length >= 0 else {
            switch state.res_h_errno {
            case HOST_NOT_FOUND, NO_DATA: return .empty
            default: throw Failed(description: "no name server can tell about '\(name)'")
            }
        }
        // The length is that of the whole answer, even of one that did not fit.
        return try DNSAnswer(parsing: Array(buffer.prefix(Int(length))))
    }
}

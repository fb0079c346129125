import CResolv
import MartletSystem
import NIOPosix
import Synchronization

/// Queries name servers through the C library's resolver, which handles retries, truncated responses and TCP and,
/// unlike `getaddrinfo`, provides the TTL.
struct DNSResolver: Sendable {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// Dedicated threads, because an unresponsive name server blocks a thread for seconds.
    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        return pool
    }()

    let server: DNSSource.Server?

    enum Question { case a, aaaa, srv }

    /// - Returns: an empty answer for a name that does not exist or has no such records.
    /// - Throws: ``Failed`` when no name server responds or all report an error; ``DNSAnswer/Malformed``;
    ///   `CancellationError` as soon as the task is cancelled, even while the thread still waits.
    func ask(_ name: String, _ question: Question) async throws -> DNSAnswer {
        let answer = PendingAnswer()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                answer.awaited(by: continuation)
                Self.threads.submit { state in
                    guard !answer.isGiven else { return }
                    guard case .active = state else { return answer.give(.failure(CancellationError())) }
                    answer.give(Result { try askBlocking(name, question) })
                }
            }
        } onCancel: {
            answer.give(.failure(CancellationError()))
        }
    }

    /// The result of a thread's query, for a task that may stop waiting for it.
    private final class PendingAnswer: Sendable {
        private enum State {
            case new
            case awaited(CheckedContinuation<DNSAnswer, any Error>)
            case given(Result<DNSAnswer, any Error>)
        }

        private let state = Mutex(State.new)

        var isGiven: Bool { state.withLock { if case .given = $0 { true } else { false } } }

        func awaited(by continuation: CheckedContinuation<DNSAnswer, any Error>) {
            let result = state.withLock { state -> Result<DNSAnswer, any Error>? in
                if case .given(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let result { continuation.resume(with: result) }
        }

        /// Delivers a result. Only the first one counts.
        func give(_ result: Result<DNSAnswer, any Error>) {
            let continuation = state.withLock { state -> CheckedContinuation<DNSAnswer, any Error>? in
                if case .given = state { return nil }
                defer { state = .given(result) }
                if case .awaited(let continuation) = state { return continuation }
                return nil
            }
            continuation?.resume(with: result)
        }
    }

    private func askBlocking(_ name: String, _ question: Question) throws -> DNSAnswer {
        var state = res_state.Pointee()
        guard martlet_res_ninit(&state) == 0 else { throw Failed(description: "cannot initialize the resolver") }
        defer { martlet_res_nclose(&state) }
        if let server {
            var address = in_addr()
            guard inet_pton(AF_INET, server.address, &address) == 1 else {
                throw Failed(description: "'\(server.address)' is not an IPv4 address")
            }
            martlet_res_use_server(&state, address, in_port_t(clamping: server.port).bigEndian)
        }
        // The seconds before the first retry, and the number of attempts.
        state.retrans = 2
        state.retry = 2
        let type =
            switch question {
            case .a: ns_t_a
            case .aaaa: ns_t_aaaa
            case .srv: ns_t_srv
            }
        // The maximum length of a message over TCP.
        var buffer = [UInt8](repeating: 0, count: 65_535)
        let length = res_nsearch(
            &state, name, Int32(ns_c_in.rawValue), Int32(type.rawValue), &buffer, Int32(buffer.count))
        guard length >= 0 else {
            switch state.res_h_errno {
            case HOST_NOT_FOUND, NO_DATA: return .empty
            default: throw Failed(description: "no name server resolved '\(name)'")
            }
        }
        // The length is that of the whole response, even if it did not fit.
        return try DNSAnswer(parsing: Array(buffer.prefix(Int(length))))
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import NIOCore

/// What the kernel knows of a client's connection.
extension ClientHandler {
    /// Whether there are bytes for the client that the kernel has not taken yet.
    var hasUnsentBytes: Bool {
        // A stream that is done is there for nothing else, and its channel knows no such option.
        if isStream { return true }
        guard let options = context?.channel.syncOptions else { return false }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0 > 0
    }

    /// How much of all that was sent the client has acknowledged, which a slow reader goes on doing while the buffers
    /// of the channel seem to stand still; nil where the system does not tell.
    var acknowledgedBytes: UInt64? {
        #if os(Linux)
            guard let socket = context?.channel as? any SocketOptionProvider else { return nil }
            let information: EventLoopFuture<TCPInformation> = socket.unsafeGetSocketOption(
                level: SocketOptionLevel(IPPROTO_TCP), name: SocketOptionName(TCP_INFO))
            var bytes: UInt64?
            // Known at once, as this is the channel's own event loop.
            information.assumeIsolated().whenSuccess { bytes = $0.acknowledgedBytes }
            return bytes
        #else
            return nil
        #endif
    }

    /// Ends the connection in the middle of an answer, in a way that cannot be taken for the answer's end: where that
    /// is the end of the connection, by a reset (RFC 9112 §8).
    func abort() {
        if exchange.isResponseUntilClose, let socket = context?.channel as? any SocketOptionProvider {
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        }
        close()
    }
}

/// The beginning of Linux's `struct tcp_info`, which the C library's own declaration cuts off earlier.
private struct TCPInformation: Sendable {
    private var beforeAcknowledged: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0, 0, 0, 0, 0, 0, 0, 0
    )
    private var more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    /// `tcpi_bytes_acked`, at byte 120.
    private(set) var acknowledgedBytes: UInt64 = 0
}

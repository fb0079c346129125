import MartletSystem
import NIOCore

/// What the kernel knows about a connection before the event loop has read it.
enum SocketState {
    /// From `TCP_CLOSE_WAIT` on, the peer has closed the connection.
    private static let closing: ClosedRange<UInt8> = 7...9

    /// Whether the peer has closed a TCP connection; false where the system does not report it, as for Unix sockets.
    static func isHalfClosed(_ channel: any Channel) -> Bool {
        #if os(Linux)
            guard let socket = channel as? any SocketOptionProvider else { return false }
            // The first byte of `struct tcp_info` is `tcpi_state`.
            let state: EventLoopFuture<UInt8> = socket.unsafeGetSocketOption(
                level: SocketOptionLevel(IPPROTO_TCP), name: SocketOptionName(TCP_INFO))
            var isClosed = false
            // Completes at once on the channel's own event loop.
            state.assumeIsolated().whenSuccess { isClosed = closing.contains($0) }
            return isClosed
        #else
            return false
        #endif
    }
}

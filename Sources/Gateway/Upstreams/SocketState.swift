import MartletSystem
import NIOCore

/// What the kernel knows of a connection before the event loop has read it.
enum SocketState {
    /// `TCP_CLOSE_WAIT` and those after it: the other side has ended the connection.
    private static let closing: ClosedRange<UInt8> = 7...9

    /// Whether the other side has closed a TCP connection; false where the system does not tell, as of Unix sockets.
    static func isHalfClosed(_ channel: any Channel) -> Bool {
        #if os(Linux)
            guard let socket = channel as? any SocketOptionProvider else { return false }
            // The first byte of `struct tcp_info` is `tcpi_state`.
            let state: EventLoopFuture<UInt8> = socket.unsafeGetSocketOption(
                level: SocketOptionLevel(IPPROTO_TCP), name: SocketOptionName(TCP_INFO))
            var isClosed = false
            // Known at once, as this is the channel's own event loop.
            state.assumeIsolated().whenSuccess { isClosed = closing.contains($0) }
            return isClosed
        #else
            return false
        #endif
    }
}

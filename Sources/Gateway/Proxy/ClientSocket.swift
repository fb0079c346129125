import MartletSystem
import NIOCore

/// How far a client has come with what was sent to it, in bytes.
struct ClientProgress {
    /// Acknowledged on its connection.
    fileprivate(set) var acknowledged: UInt64 = 0
    /// Let through by the windows of its stream, if it has one.
    fileprivate(set) var released: UInt64 = 0
}

/// What the kernel knows of a client's connection.
extension ClientHandler {
    /// Whether there are bytes for the client that the kernel has not taken yet.
    var hasUnsentBytes: Bool {
        // A stream that is done is there for nothing else.
        if isStream { return true }
        guard let options = context?.channel.syncOptions else { return false }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0 > 0
    }

    /// A slow reader goes on while the buffers of the channel seem to stand still.
    var currentProgress: ClientProgress {
        ClientProgress(acknowledged: acknowledgedBytes ?? 0, released: stream?.releasedBytes ?? 0)
    }

    /// Whether the client has taken so much. A stream's windows tell of that stream; what is acknowledged is of all of
    /// them, and counts only where it is the connection that holds the streams up.
    func hasTaken(_ least: UInt64, since before: ClientProgress, _ now: ClientProgress) -> Bool {
        if isStream {
            if now.released >= before.released + least { return true }
            guard context?.channel.parent?.isWritable == false else { return false }
        }
        return now.acknowledged >= before.acknowledged + least
    }

    /// How much of all that was sent on its connection the client has acknowledged; nil where the system does not tell.
    private var acknowledgedBytes: UInt64? {
        #if os(Linux)
            let channel = isStream ? context?.channel.parent : context?.channel
            guard let socket = channel as? any SocketOptionProvider else { return nil }
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

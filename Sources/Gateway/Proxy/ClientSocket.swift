import MartletSystem
import NIOCore

/// The bytes that a client has received.
struct ClientProgress {
    /// Acknowledged on its connection.
    fileprivate(set) var acknowledged: UInt64 = 0
    /// Released by the windows of its stream, if any.
    fileprivate(set) var released: UInt64 = 0
}

/// What the kernel reports about a client's connection.
extension ClientHandler {
    /// Whether bytes for the client are still queued outside the kernel.
    var hasUnsentBytes: Bool {
        // A finished stream remains only while it has unsent bytes.
        if isStream { return true }
        guard let options = context?.channel.syncOptions else { return false }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0 > 0
    }

    /// Measured below the channel's buffers, which look stalled while a slow reader progresses.
    var currentProgress: ClientProgress {
        ClientProgress(acknowledged: acknowledgedBytes ?? 0, released: stream?.releasedBytes ?? 0)
    }

    /// Whether the client has received at least this much. The windows of a stream measure that stream. The
    /// acknowledged bytes cover all streams, so they count only while the connection itself is the bottleneck.
    func hasTaken(_ least: UInt64, since before: ClientProgress, _ now: ClientProgress) -> Bool {
        if isStream {
            if now.released >= before.released + least { return true }
            guard context?.channel.parent?.isWritable == false else { return false }
        }
        return now.acknowledged >= before.acknowledged + least
    }

    /// The bytes that the client has acknowledged on its connection; nil where the system does not report them.
    private var acknowledgedBytes: UInt64? {
        #if os(Linux)
            let channel = isStream ? context?.channel.parent : context?.channel
            guard let socket = channel as? any SocketOptionProvider else { return nil }
            let information: EventLoopFuture<TCPInformation> = socket.unsafeGetSocketOption(
                level: SocketOptionLevel(IPPROTO_TCP), name: SocketOptionName(TCP_INFO))
            var bytes: UInt64?
            // Completes at once on the channel's own event loop.
            information.assumeIsolated().whenSuccess { bytes = $0.acknowledgedBytes }
            return bytes
        #else
            return nil
        #endif
    }

    /// Ends the connection so that an unfinished response cannot be taken for a complete one. If the connection's end
    /// would end the response, resets it (RFC 9112 §8).
    func abort() {
        if exchange.isResponseUntilClose, let socket = context?.channel as? any SocketOptionProvider {
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        }
        close()
    }
}

/// The beginning of Linux's `struct tcp_info`; the C library's declaration is shorter.
private struct TCPInformation: Sendable {
    private var beforeAcknowledged: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0, 0, 0, 0, 0, 0, 0, 0
    )
    private var more: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    /// `tcpi_bytes_acked`, at byte 120.
    private(set) var acknowledgedBytes: UInt64 = 0
}

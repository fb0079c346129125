import NIOCore

/// Limits the streams that a client causes the gateway to reset (CVE-2025-8671). A reset stream makes room for the next
/// one while the upstream still works on it, so the stream limit alone does not help. swift-nio-http2 limits the
/// streams it refuses itself and the resets sent by the client. Performs no I/O.
struct HTTP2MisuseLimit {
    static let maximum = 100
    static let window = TimeAmount.seconds(30)

    private var count = 0
    private var start = NIODeadline.uptimeNanoseconds(0)

    /// Counts one more reset.
    mutating func isExceeded(at now: NIODeadline) -> Bool {
        if count == 0 || now - start > Self.window {
            count = 0
            start = now
        }
        count += 1
        return count > Self.maximum
    }
}

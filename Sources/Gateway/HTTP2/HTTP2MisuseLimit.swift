import NIOCore

/// Counts the streams that a client has made the gateway reset (CVE-2025-8671). A stream that is gone makes room for
/// the next one while the upstream still works for it, so that the limit of streams holds nobody back. swift-nio-http2
/// counts what it refuses itself, and the resets that come from the client. Pure.
struct HTTP2MisuseLimit {
    static let maximum = 100
    static let window = TimeAmount.seconds(30)

    private var count = 0
    private var start = NIODeadline.uptimeNanoseconds(0)

    /// Counts one more.
    mutating func isExceeded(at now: NIODeadline) -> Bool {
        if count == 0 || now - start > Self.window {
            count = 0
            start = now
        }
        count += 1
        return count > Self.maximum
    }
}

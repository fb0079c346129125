/// The receive window of a client connection (RFC 9113 §5.2): how much it may send before upstreams take it.
///
/// The windows of all streams together are far too large for one client. So this window bounds what the gateway holds
/// per connection, and ``HTTP2ReceiveBudget`` what it holds per event loop. Performs no I/O.
struct HTTP2ReceiveWindow: Equatable {
    /// The protocol's initial window, in bytes.
    static let smallest = 65_535
    /// In bytes. At this size, 5 MB take three round trips.
    static let largest = 2 << 20

    /// How much the client may still send.
    private(set) var credit = Self.smallest
    /// How much it has sent that no upstream has taken.
    private(set) var held = 0

    /// What counts against the budget.
    var excess: Int { max(0, credit + held - Self.smallest) }

    /// - Returns: whether the client was allowed to send this much.
    mutating func received(_ count: Int) -> Bool {
        credit -= count
        held += count
        return credit >= 0
    }

    mutating func released(_ count: Int) { held = max(0, held - count) }

    /// - Parameter target: the size of the window.
    /// - Returns: the increment of a WINDOW_UPDATE, if it is worth a frame.
    mutating func refill(to target: Int) -> Int? {
        let missing = target - credit - held
        guard missing >= target / 4 else { return nil }
        credit += missing
        return missing
    }
}

/// How much the clients of an event loop may send beyond their initial windows. Confined to that loop.
final class HTTP2ReceiveBudget {
    static let maximum = 128 << 20
    private(set) var used = 0

    /// The allowed size of a window now.
    func target(_ window: HTTP2ReceiveWindow) -> Int {
        used - window.excess + HTTP2ReceiveWindow.largest <= Self.maximum
            ? HTTP2ReceiveWindow.largest : HTTP2ReceiveWindow.smallest
    }

    func change(from before: HTTP2ReceiveWindow?, to after: HTTP2ReceiveWindow?) {
        used += (after?.excess ?? 0) - (before?.excess ?? 0)
    }
}

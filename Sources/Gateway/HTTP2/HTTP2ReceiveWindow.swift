/// How much a client may send on its connection before what it sent has gone on to upstreams (RFC 9113 §5.2).
///
/// Streams have windows of their own, which all together are far too much for one client; so this one bounds what the
/// gateway holds for a connection, and ``HTTP2ReceiveBudget`` what it holds for all of an event loop. Pure.
struct HTTP2ReceiveWindow: Equatable {
    /// What the protocol starts with.
    static let smallest = 65_535
    /// 5 MB take three round trips.
    static let largest = 2 << 20

    /// What the client may still send.
    private(set) var credit = Self.smallest
    /// What it has sent and no upstream has taken.
    private(set) var held = 0

    /// What counts against the budget.
    var excess: Int { max(0, credit + held - Self.smallest) }

    /// - Returns: whether the client may send so much.
    mutating func received(_ count: Int) -> Bool {
        credit -= count
        held += count
        return credit >= 0
    }

    mutating func released(_ count: Int) { held = max(0, held - count) }

    /// - Parameter target: how large the window may be.
    /// - Returns: what a WINDOW_UPDATE gives the client, if it is worth a frame.
    mutating func refill(to target: Int) -> Int? {
        let missing = target - credit - held
        guard missing >= target / 4 else { return nil }
        credit += missing
        return missing
    }
}

/// What the clients of an event loop may have sent beyond what the protocol starts with. Confined to that loop.
final class HTTP2ReceiveBudget {
    static let maximum = 128 << 20
    private(set) var used = 0

    /// How large a window may be now.
    func target(_ window: HTTP2ReceiveWindow) -> Int {
        used - window.excess + HTTP2ReceiveWindow.largest <= Self.maximum
            ? HTTP2ReceiveWindow.largest : HTTP2ReceiveWindow.smallest
    }

    func change(from before: HTTP2ReceiveWindow?, to after: HTTP2ReceiveWindow?) {
        used += (after?.excess ?? 0) - (before?.excess ?? 0)
    }
}

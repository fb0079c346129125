import NIOCore

/// Limits a client's share of an upstream's connections while others wait for them.
extension ClientHandler {
    /// Whether the connection is waiting for the client, and has been for most of the recent time.
    func keepsUpstreamWaiting(_ now: NIODeadline) -> Bool {
        let waits =
            switch machine.reading {
            case .body: pending.readableBytes == 0 && upstream?.isWritable == true
            case .tunnel: true
            case .head, .nothing, .discarded: false
            }
        return (waits || !isWritable) && exchange.pace.isSlow(now)
    }

    /// Gives up the connection, or the place in the queue for one, to another client.
    func giveWay(_ ticket: PoolTicket?) {
        // The exchange may have moved on meanwhile.
        guard ticket == nil || ticket === self.ticket else { return }
        self.ticket = nil
        if machine.isTunnel {
            // Closes at once: closing TLS would wait for the client's close_notify.
            releaseUpstream()
            return close()
        }
        exchangeFailed(.overloaded)
        process()
    }
}

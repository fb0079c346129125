import NIOCore

/// What a client's requests may take of an upstream's connections when others want them.
extension ClientHandler {
    /// Whether the connection waits for the client now, and mostly did lately.
    func keepsUpstreamWaiting(_ now: NIODeadline) -> Bool {
        let waits =
            switch machine.reading {
            case .body: pending.readableBytes == 0 && upstream?.isWritable == true
            case .tunnel: true
            case .head, .nothing, .discarded: false
            }
        return (waits || !isWritable) && exchange.pace.isSlow(now)
    }

    /// The connection, or the place in the queue for one, is another client's from here on.
    func giveWay(_ ticket: PoolTicket?) {
        // It may have gone on meanwhile.
        guard ticket == nil || ticket === self.ticket else { return }
        self.ticket = nil
        if machine.isTunnel {
            // Now: TLS waits for the client's word before a connection is closed, and who wants the place does not.
            releaseUpstream()
            return close()
        }
        exchangeFailed(.overloaded)
        process()
    }
}

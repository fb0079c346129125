import MartletCore
import NIOCore

/// The upstream's half of an exchange.
extension ClientHandler {
    // MARK: a connection

    func acquire(from pool: UpstreamPool, needsNewConnection: Bool = false) {
        exchange.pool = pool
        switch pool.acquire(for: self, needsNewConnection: needsNewConnection) {
        case .ready(let connection):
            connected(connection)
        case .waiting(let ticket):
            // A Unix socket may have connected, or failed to, before this returns.
            guard ticket.isPending else { return }
            self.ticket = ticket
            arm(.connection)
        case .full:
            exchangeFailed(.overloaded)
        }
    }

    func connected(_ connection: UpstreamHandler) {
        ticket = nil
        upstream = connection
        connection.begin(self, head: requestHead, isIdempotent: exchange.method.isIdempotent)
        if exchange.expectsBody {
            arm(.requestBody)
        } else {
            connection.requestCompleted(isChunked: false)
            arm(.firstByte)
        }
        // Writes the head with as much of the body as is there.
        process()
        upstream?.flush()
    }

    func connectionFailed(timedOut: Bool) {
        ticket = nil
        exchangeFailed(timedOut ? .upstreamTimeout : .upstreamUnreachable)
    }

    func upstreamBecameWritable() {
        if machine.reading == .body { arm(.requestBody) }
        process()
    }

    // MARK: the answer

    func interimResponse(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) {
        // HTTP/1.0 clients do not know of interim responses.
        guard exchange.isVersion11 else { return }
        output.withGathered {
            HeaderEdits.writeResponse(
                bytes, head, requestID: requestID, date: loop.dateLine, connection: .none, isChunked: false, to: &$0)
        }
        flush()
    }

    func responseHead(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming) {
        let needsChunks = framing == .chunked || framing == .untilClose
        exchange.isResponseChunked = needsChunks && exchange.isVersion11
        exchange.status = head.status
        let persists = machine.responseStarted(delimited: !needsChunks || exchange.isVersion11)
        let connection = ConnectionAnnouncement(persists: persists, isVersion11: exchange.isVersion11)
        output.withGathered {
            HeaderEdits.writeResponse(
                bytes, head, requestID: requestID, date: loop.dateLine, connection: connection,
                isChunked: exchange.isResponseChunked, to: &$0)
        }
        arm(.responseBody)
    }

    func responseData(_ data: ByteBuffer) {
        guard let context else { return }
        if exchange.isResponseChunked {
            output.appendChunk(data, to: context)
        } else {
            output.append(data, to: context)
        }
        arm(.responseBody)
    }

    /// The upstream has sent everything and is no longer this exchange's.
    func upstreamFinished() { upstream = nil }

    /// The upstream's connection has ended before that.
    func upstreamClosed(_ outcome: UpstreamStateMachine.Close) {
        upstream = nil
        switch outcome {
        case .nothing:
            break
        case .complete:
            responseCompleted()
        case .truncated:
            flush()
            exchangeFailed(.badGateway)
        case .failed:
            exchangeFailed(.badGateway)
        case .retry:
            guard !exchange.hasRetried, let pool = exchange.pool else { return exchangeFailed(.badGateway) }
            exchange.hasRetried = true
            acquire(from: pool, needsNewConnection: true)
        }
    }
}

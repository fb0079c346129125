import GRPCTranscoding
import NIOCore
import NIOHPACK

/// Interprets the frames of a response (gRPC over HTTP/2).
///
/// Performs no I/O: the handler reports what has arrived and carries out the result.
struct GRPCResponseStateMachine {
    enum Event: Equatable {
        /// The initial metadata.
        case started(HPACKHeaders)
        /// The outcome. It is the only event of a call that never started.
        case ended(GRPCStatus, HPACKHeaders)
        /// The response is not valid gRPC.
        case invalid
        /// Nothing to do yet.
        case none
    }

    private enum State { case waiting, started, ended }

    private var state = State.waiting
    private var messages: GRPCMessageReader

    init(maximumMessage: Int) { messages = GRPCMessageReader(limit: maximumMessage) }

    var hasEnded: Bool { state == .ended }

    mutating func headersReceived(_ headers: HPACKHeaders, isEnd: Bool) -> Event {
        switch state {
        case .waiting:
            let status = headers.first(name: ":status") ?? ""
            if status.hasPrefix("1"), !isEnd { return .none }
            guard status == "200", headers.first(name: "content-type")?.hasPrefix("application/grpc") == true else {
                return fail()
            }
            if isEnd { return end(headers) }
            state = .started
            return .started(headers)
        case .started:
            guard isEnd, !messages.isWithinMessage else { return fail() }
            return end(headers)
        case .ended:
            return .none
        }
    }

    private mutating func end(_ headers: HPACKHeaders) -> Event {
        guard let code = headers.first(name: "grpc-status") else { return fail() }
        state = .ended
        return .ended(GRPCStatus(code: code, message: headers.first(name: "grpc-message") ?? ""), headers)
    }

    private mutating func fail() -> Event {
        state = .ended
        return .invalid
    }

    /// - Parameter isEnd: whether the stream ends here, and thus without a status.
    mutating func dataReceived(_ data: ByteBuffer, isEnd: Bool) -> Event {
        guard state == .started, !isEnd else { return state == .ended ? .none : fail() }
        messages.append(data)
        return .none
    }

    mutating func nextMessage() throws(GRPCMessageReader.Failure) -> ByteBuffer? {
        guard state == .started else { return nil }
        return try messages.next()
    }

    /// The stream ended before its status arrived.
    mutating func closed() { state = .ended }
}

import GRPCTranscoding
import NIOCore
import NIOHPACK

/// What the frames of an answer mean (gRPC over HTTP/2).
///
/// Pure: the handler tells it what has come and does what it answers.
struct GRPCResponseStateMachine {
    enum Event: Equatable {
        /// The initial metadata.
        case started(HPACKHeaders)
        /// The outcome. Where the call never started, nothing but it has come.
        case ended(GRPCStatus, HPACKHeaders)
        /// The answer is not gRPC.
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

    /// - Parameter isEnd: whether the stream ends here, and so without its outcome.
    mutating func dataReceived(_ data: ByteBuffer, isEnd: Bool) -> Event {
        guard state == .started, !isEnd else { return state == .ended ? .none : fail() }
        messages.append(data)
        return .none
    }

    mutating func nextMessage() throws(GRPCMessageReader.Failure) -> ByteBuffer? {
        guard state == .started else { return nil }
        return try messages.next()
    }

    /// The stream is over before its outcome has come.
    mutating func closed() { state = .ended }
}

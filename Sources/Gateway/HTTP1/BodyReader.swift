import NIOCore

/// Extracts the data of one message body from a connection's bytes, whatever its framing.
struct BodyReader: Sendable {
    enum Part: Equatable {
        case data(ByteBuffer)
        case needMore
        case end
    }

    private enum State {
        case none
        case length(Int)
        case chunked(ChunkedParser)
        case untilClose
    }

    private var state: State

    init(_ framing: BodyFraming) {
        state =
            switch framing {
            case .none: .none
            case .length(let count): .length(count)
            case .chunked: .chunked(ChunkedParser())
            case .untilClose: .untilClose
            }
    }

    var isChunked: Bool {
        if case .chunked = state { true } else { false }
    }

    /// The next piece of data in `buffer`, which is advanced past it.
    mutating func next(in buffer: inout ByteBuffer) throws(HTTPError) -> Part {
        switch state {
        case .none:
            return .end
        case .length(let remaining):
            guard remaining > 0 else { return .end }
            guard buffer.readableBytes > 0,
                let data = buffer.readSlice(length: min(remaining, buffer.readableBytes))
            else { return .needMore }
            state = .length(remaining - data.readableBytes)
            return .data(data)
        case .chunked(var parser):
            let event = try parser.next(in: &buffer)
            state = .chunked(parser)
            switch event {
            case .data(let count):
                guard let data = buffer.readSlice(length: count) else { return .needMore }
                return .data(data)
            case .needMore: return .needMore
            case .end: return .end
            }
        case .untilClose:
            guard buffer.readableBytes > 0, let data = buffer.readSlice(length: buffer.readableBytes) else {
                return .needMore
            }
            return .data(data)
        }
    }

    /// Whether the body is complete now that the connection has ended.
    var isCompleteAtClose: Bool {
        switch state {
        case .none, .length(0), .untilClose: true
        case .length, .chunked: false
        }
    }
}

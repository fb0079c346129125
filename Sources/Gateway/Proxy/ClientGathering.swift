import MartletCore
import NIOCore

/// How much of a body to buffer before contacting an upstream.
struct BodyGathering {
    /// In bytes.
    let limit: Int
    /// Whether the whole body is required. Otherwise it is sent on after ``patience``, or when memory is short.
    let isWhole: Bool

    /// How long to wait for the start of a body. Long enough for clients that send as fast as they can, and short
    /// enough for those that wait for a response before they send more.
    static let patience = TimeAmount.milliseconds(500)
}

/// Buffers request bodies, or their start, before they take an upstream connection. A client that sends nothing or
/// disconnects early occupies none.
extension ClientHandler {
    /// Whether the body is sent upstream in chunks.
    var sendsChunks: Bool { body.isChunked && !exchange.isLengthAdded }

    /// Decides how much of the request's body to buffer.
    func planGathering(_ head: RequestHead, _ upstream: GatewayConfiguration.Upstream) {
        guard head.framing != .none else { return }
        if let limit = upstream.bufferedBody, head.contentLength ?? 0 <= limit {
            exchange.isLengthAdded = head.isChunked
            exchange.gathering = BodyGathering(limit: limit, isWhole: true)
        } else if exchange.smallBody == 0, !head.expectsContinue {
            exchange.gathering = BodyGathering(limit: Self.gatherLimit, isWhole: false)
        }
    }

    func startGathering() {
        guard let gathering = exchange.gathering else { return }
        guard gathering.isWhole else { return arm(.gather) }
        if exchange.expectsContinue, exchange.isVersion11 {
            output.withGathered { $0.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") }
            flush()
        }
        arm(.requestBody)
    }

    /// Buffers the body received so far.
    /// - Returns: whether there is more to process.
    func gatherBody() -> Bool {
        do throws(HTTPError) {
            while let gathering = exchange.gathering {
                switch try body.next(in: &pending) {
                case .data(let data):
                    exchange.bodyBytes += data.readableBytes
                    let limit = gathering.isWhole ? min(exchange.maximumBody, gathering.limit) : exchange.maximumBody
                    guard exchange.bodyBytes <= limit else {
                        exchangeFailed(.bodyTooLarge(limit: limit))
                        stream?.reportMisuse()
                        return false
                    }
                    let fits = loop.gatheredBytes + data.readableBytes <= LoopContext.maximumGatheredBytes
                    if !fits, gathering.isWhole {
                        exchangeFailed(.overloaded)
                        return false
                    }
                    loop.gatheredBytes += data.readableBytes
                    exchange.gathered.writeImmutableBuffer(data)
                    if !gathering.isWhole, !fits || exchange.gathered.readableBytes >= gathering.limit {
                        endGathering()
                        return true
                    }
                case .needMore:
                    if pending.readableBytes == 0 { pending = ByteBuffer() }
                    return false
                case .end:
                    machine.requestBodyCompleted()
                    endGathering()
                    return true
                }
            }
        } catch {
            exchangeFailed(error.problem)
        }
        return false
    }

    /// The wait for the start of the body is over.
    func gatheringTimedOut() {
        if exchange.bodyBytes == 0 {
            // Forwards nothing until the first byte arrives.
            exchange.gathering = BodyGathering(limit: 1, isWhole: false)
            return arm(.requestBody)
        }
        endGathering()
        process()
    }

    private func endGathering() {
        exchange.gathering = nil
        if exchange.isLengthAdded {
            // Before the empty line.
            requestHead.moveWriterIndex(to: requestHead.writerIndex - 2)
            requestHead.writeString("Content-Length: \(exchange.bodyBytes)\r\n\r\n")
        }
        enterLimits()
    }

    func sendGathered(to connection: UpstreamHandler) {
        guard exchange.gathered.readableBytes > 0 else { return }
        let data = exchange.gathered
        dropGathered()
        connection.send(data, isChunked: sendsChunks, isKept: keepBody(data))
    }

    func dropGathered() {
        loop.gatheredBytes -= exchange.gathered.readableBytes
        exchange.gathered = ByteBuffer()
    }
}

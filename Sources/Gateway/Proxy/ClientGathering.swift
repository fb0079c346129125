import MartletCore
import NIOCore

/// How much of a body is gathered before an upstream is asked.
struct BodyGathering {
    /// In bytes.
    let limit: Int
    /// Whether all of it is needed; or else what has come is sent on after ``patience``, or when memory is short.
    let isWhole: Bool

    /// How long the beginning of a body is waited for. Long enough for whoever sends as fast as it can, and short enough for
    /// those who wait for an answer before they go on.
    static let patience = TimeAmount.milliseconds(500)
}

/// Bodies that are in memory, or begin there, before they take a connection to an upstream: whoever sends nothing, or
/// breaks off at once, takes none.
extension ClientHandler {
    /// Whether the body goes upstream in chunks.
    var sendsChunks: Bool { body.isChunked && !exchange.isLengthAdded }

    /// Decides what is gathered of the request's body.
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

    /// Gathers what has come of the body.
    /// - Returns: whether there is more to do.
    func gatherBody() -> Bool {
        do throws(HTTPError) {
            while let gathering = exchange.gathering {
                switch try body.next(in: &pending) {
                case .data(let data):
                    exchange.bodyBytes += data.readableBytes
                    let limit = gathering.isWhole ? min(exchange.maximumBody, gathering.limit) : exchange.maximumBody
                    guard exchange.bodyBytes <= limit else {
                        exchangeFailed(.bodyTooLarge(limit: limit))
                        stream?.wasMisused()
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

    /// The beginning has been waited for long enough.
    func gatheredLongEnough() {
        if exchange.bodyBytes == 0 {
            // Nothing is sent on for nothing; the first piece is, when it comes.
            exchange.gathering = BodyGathering(limit: 1, isWhole: false)
            return arm(.requestBody)
        }
        endGathering()
        process()
    }

    private func endGathering() {
        exchange.gathering = nil
        if exchange.isLengthAdded {
            // In front of the empty line.
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

import GRPCTranscoding
import NIOCore

/// A request that becomes a gRPC call, from its head to the end of its answer. Confined to its client's event loop.
final class GRPCCall {
    let route: GRPCRoute
    let request: BoundRequest
    /// Without its question mark.
    let query: [UInt8]
    let expectsContinue: Bool

    /// The JSON that has come so far.
    private(set) var body = ByteBuffer()
    /// The call's message as it is sent, kept because it may have to be sent again.
    var message = ByteBuffer()

    /// Whom to tell; nil before the call is sent and after its end.
    var client: ClientHandler?
    var stream: GRPCStreamHandler?

    // The answer.
    /// The metadata as field lines.
    var fields: [UInt8] = []
    /// The one message of an answer that is no stream.
    var answer: [UInt8]?
    /// Whether a stream's first element is still to come.
    var isFirstElement = true

    /// The event loop whose bytes the body counts among.
    private var loop: LoopContext?

    init(route: GRPCRoute, request: BoundRequest, query: [UInt8], expectsContinue: Bool) {
        self.route = route
        self.request = request
        self.query = query
        self.expectsContinue = expectsContinue
    }

    var binding: Binding { request.binding }

    deinit { dropBody() }

    /// Adds to the body.
    /// - Returns: false when the calls of the event loop hold too much already.
    func gather(_ data: ByteBuffer, _ loop: LoopContext) -> Bool {
        guard binding.readsBody else { return true }
        guard data.readableBytes <= LoopContext.maximumGatheredBytes - loop.gatheredBytes else { return false }
        loop.gatheredBytes += data.readableBytes
        self.loop = loop
        body.writeImmutableBuffer(data)
        return true
    }

    /// The body has become the message, or will not.
    func dropBody() {
        loop?.gatheredBytes -= body.readableBytes
        body = ByteBuffer()
    }

    /// Nobody waits for the answer any more.
    func cancel() {
        client = nil
        let stream = self.stream
        self.stream = nil
        stream?.close()
    }

    /// As before it was sent.
    func reset() {
        fields = []
        answer = nil
    }
}

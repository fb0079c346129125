import GRPCTranscoding
import NIOCore

/// A request that becomes a gRPC call, from its head to the end of its response. Confined to its client's event loop.
final class GRPCCall {
    let route: GRPCRoute
    let request: BoundRequest
    /// The query without its question mark.
    let query: [UInt8]
    let expectsContinue: Bool

    /// The JSON received so far.
    private(set) var body = ByteBuffer()
    /// The framed message, kept for a retry.
    var message = ByteBuffer()

    /// The client to notify; nil before the call is sent and after its end.
    var client: ClientHandler?
    var stream: GRPCStreamHandler?

    // The response.
    /// The metadata as field lines.
    var fields: [UInt8] = []
    /// The message of a unary response.
    var answer: [UInt8]?
    /// Whether the first element of a stream is still to come.
    var isFirstElement = true

    /// The event loop whose ``LoopContext/gatheredBytes`` include the body.
    private var loop: LoopContext?

    init(route: GRPCRoute, request: BoundRequest, query: [UInt8], expectsContinue: Bool) {
        self.route = route
        self.request = request
        self.query = query
        self.expectsContinue = expectsContinue
    }

    var binding: Binding { request.binding }

    deinit { dropBody() }

    /// Appends to the body.
    /// - Returns: false when the event loop buffers too much already.
    func gather(_ data: ByteBuffer, _ loop: LoopContext) -> Bool {
        guard binding.readsBody else { return true }
        guard data.readableBytes <= LoopContext.maximumGatheredBytes - loop.gatheredBytes else { return false }
        loop.gatheredBytes += data.readableBytes
        self.loop = loop
        body.writeImmutableBuffer(data)
        return true
    }

    /// Releases the body, once it is transcoded or no longer needed.
    func dropBody() {
        loop?.gatheredBytes -= body.readableBytes
        body = ByteBuffer()
    }

    /// The response is no longer needed.
    func cancel() {
        client = nil
        let stream = self.stream
        self.stream = nil
        stream?.close()
    }

    /// Resets the response before a retry.
    func reset() {
        fields = []
        answer = nil
    }
}

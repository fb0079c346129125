import NIOCore

/// Whom a connection to an upstream works for, on the same event loop: a client's connection, or one part of an answer
/// that the gateway puts together.
protocol UpstreamClient: AnyObject {
    /// Of the request.
    var method: RequestMethod { get }
    /// Whether more of an answer may come.
    var isWritable: Bool { get }

    func connected(_ connection: UpstreamHandler)
    func connectionFailed(timedOut: Bool)
    /// The connection takes more of the request.
    func upstreamBecameWritable()

    func interimResponse(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead)
    func responseHead(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming)
    func responseData(_ data: ByteBuffer)
    /// Nothing more has arrived for now.
    func flush()
    /// The upstream has sent everything; its connection is somebody else's from here on.
    func upstreamFinished()
    func responseCompleted()

    /// - Returns: whether this is the protocol that was asked for.
    func upgraded(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) -> Bool
    func tunnelData(_ data: ByteBuffer)

    /// The connection has ended before the answer was whole.
    func upstreamClosed(_ outcome: UpstreamStateMachine.Close)
}

extension ClientHandler: UpstreamClient {}

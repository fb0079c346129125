import MartletCore
import NIOCore

/// The user of an upstream connection, on the same event loop: a client connection, or one part of an aggregate
/// response.
protocol UpstreamClient: AnyObject {
    /// The method of the request.
    var method: RequestMethod { get }
    /// Whether the request may be sent twice.
    var mayRepeat: Bool { get }
    /// Whether more of a response can be taken.
    var isWritable: Bool { get }
    /// The network whose share of the upstream's connections it uses.
    var network: IPAddress? { get }
    /// The request's id, for the log.
    var requestID: [UInt8] { get }

    func connected(_ connection: UpstreamHandler)
    func connectionFailed(timedOut: Bool)
    /// The connection can take more of the request.
    func upstreamBecameWritable()
    /// Whether the connection is waiting for a client that sends or reads almost nothing.
    func keepsUpstreamWaiting(_ now: NIODeadline) -> Bool
    /// Takes away the connection, or the place in the queue for one, for others.
    /// - Parameter ticket: the place in the queue; nil for the connection.
    func giveWay(_ ticket: PoolTicket?)

    func interimResponse(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead)
    func responseHead(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming)
    func responseData(_ data: ByteBuffer)
    /// Writes what has arrived; nothing more is available now.
    func flush()
    /// The upstream has sent everything; its connection may be reused from here on.
    func upstreamFinished()
    func responseCompleted()

    /// - Returns: whether this is the requested protocol.
    func upgraded(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead) -> Bool
    func tunnelData(_ data: ByteBuffer)

    /// The connection ended before the response was complete.
    func upstreamClosed(_ outcome: UpstreamStateMachine.Close)
}

extension ClientHandler: UpstreamClient {}

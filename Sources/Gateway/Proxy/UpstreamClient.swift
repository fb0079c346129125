import MartletCore
import NIOCore

/// Whom a connection to an upstream works for, on the same event loop: a client's connection, or one part of an answer
/// that the gateway puts together.
protocol UpstreamClient: AnyObject {
    /// Of the request.
    var method: RequestMethod { get }
    /// Whether the request may be sent twice.
    var mayRepeat: Bool { get }
    /// Whether more of an answer may come.
    var isWritable: Bool { get }
    /// Whose share of an upstream's connections it takes.
    var network: IPAddress? { get }
    /// The request's id, for the log.
    var requestID: [UInt8] { get }

    func connected(_ connection: UpstreamHandler)
    func connectionFailed(timedOut: Bool)
    /// The connection takes more of the request.
    func upstreamBecameWritable()
    /// Whether the connection waits for the client, who sends or takes next to nothing.
    func keepsUpstreamWaiting(_ now: NIODeadline) -> Bool
    /// The connection, or the place in the queue for one, is needed by others.
    /// - Parameter ticket: the place that is gone; nil when it is the connection.
    func giveWay(_ ticket: PoolTicket?)

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

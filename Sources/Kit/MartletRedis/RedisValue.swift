/// A reply of Redis (RESP2).
public enum RedisValue: Sendable, Equatable {
    case null
    case integer(Int64)
    /// A short text of Redis itself, such as `OK`.
    case status(String)
    /// Bytes that somebody has stored.
    case bytes([UInt8])
    case array([RedisValue])
    /// An error in an array, as `EXEC` gives them; the error of a command is thrown.
    case error(String)

    /// The number that it is, or that its text says.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes, .status: text.flatMap { Int64($0) }
        case .null, .array, .error: nil
        }
    }

    /// The text that it is; nil when its bytes are no UTF-8.
    public var text: String? {
        switch self {
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .status(let text): text
        case .null, .integer, .array, .error: nil
        }
    }

    public var array: [RedisValue]? { if case .array(let values) = self { values } else { nil } }
}

/// Why a command has no reply.
public enum RedisError: Error, Equatable {
    /// Not sent: Redis cannot be reached at the moment.
    case unavailable
    /// Not sent: too much is under way already.
    case overloaded
    /// Not sent: the client has been closed.
    case closed
    /// No reply in time. Redis may have done it.
    case timeout
    /// The connection ended before the reply. Redis may have done it.
    case connectionLost
    /// What came is no reply, or one beyond the client's bounds. Redis may have done it.
    case invalidReply(String)
    /// Redis refused: `WRONGTYPE Operation against a key …`.
    case refused(String)
}

/// A Redis reply (RESP2).
public enum RedisValue: Sendable, Equatable {
    case null
    case integer(Int64)
    /// A simple string, such as `OK`.
    case status(String)
    /// A bulk string: any bytes.
    case bytes([UInt8])
    case array([RedisValue])
    /// An error in an array, as returned by `EXEC`. The error of a command itself is thrown.
    case error(String)

    /// The value as an integer, also if it is a text of digits.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes, .status: text.flatMap { Int64($0) }
        case .null, .array, .error: nil
        }
    }

    /// The value as a text; nil when its bytes are not UTF-8.
    public var text: String? {
        switch self {
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .status(let text): text
        case .null, .integer, .array, .error: nil
        }
    }

    public var array: [RedisValue]? { if case .array(let values) = self { values } else { nil } }
}

/// The reason a command failed.
public enum RedisError: Error, Equatable {
    /// Not sent: Redis is unreachable.
    case unavailable
    /// Not sent: too many commands are pending.
    case overloaded
    /// Not sent: the client is closed.
    case closed
    /// No reply in time. Redis may have executed the command.
    case timeout
    /// The connection was lost before the reply. Redis may have executed the command.
    case connectionLost
    /// The reply is invalid or exceeds the client's limits. Redis may have executed the command.
    case invalidReply(String)
    /// Redis returned an error: `WRONGTYPE Operation against a key …`.
    case refused(String)
}

import NIOCore

/// One argument of a command: any bytes.
///
/// ```swift
/// try await redis.send(["SET", .text(key), .bytes(value), "PX", 5000])
/// ```
public struct RedisArgument: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    let bytes: [UInt8]

    public static func text(_ text: some StringProtocol) -> RedisArgument { RedisArgument(bytes: Array(text.utf8)) }
    public static func integer(_ value: some BinaryInteger) -> RedisArgument { text(String(value)) }
    public static func bytes(_ bytes: [UInt8]) -> RedisArgument { RedisArgument(bytes: bytes) }

    private init(bytes: [UInt8]) { self.bytes = bytes }
    public init(stringLiteral value: String) { bytes = Array(value.utf8) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
}

extension ByteBuffer {
    /// Writes a command as an array of bulk strings, so that no byte of an argument can be misinterpreted.
    mutating func writeCommand(_ arguments: [RedisArgument]) {
        writeString("*\(arguments.count)\r\n")
        for argument in arguments {
            writeString("$\(argument.bytes.count)\r\n")
            writeBytes(argument.bytes)
            writeStaticString("\r\n")
        }
    }
}

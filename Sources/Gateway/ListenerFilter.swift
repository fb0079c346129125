import MartletSystem
import NIOCore

/// Refuses new TCP handshakes on a listening socket without resetting established connections. The kernel drops initial
/// SYN packets, while handshakes in progress complete and queued connections are accepted. A dropped client retries
/// after a second and then reaches the next process, or is refused.
enum ListenerFilter {
    /// One instruction of the classic BSD packet filter (`struct sock_filter`).
    private struct Instruction {
        var code: UInt16
        var isTrue: UInt8 = 0
        var isFalse: UInt8 = 0
        var operand: UInt32
    }

    /// `struct sock_fprog`.
    private struct Program: Sendable {
        var length: UInt16
        var instructions: UInt
    }

    /// - Returns: whether the system supports it.
    static func refuseNewHandshakes(_ channel: any Channel) async -> Bool {
        #if os(Linux)
            let attached = channel.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
                guard let socket = channel as? any SocketOptionProvider else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
                }
                // The packet starts with the TCP header (RFC 9293 §3.1); byte 13 holds the flags.
                let instructions = [
                    Instruction(code: 0x30, operand: 13),  // load the byte
                    Instruction(code: 0x54, operand: 0x12),  // keep ACK and SYN
                    Instruction(code: 0x15, isFalse: 1, operand: 0x02),  // only SYN?
                    Instruction(code: 0x06, operand: 0),  // drop
                    Instruction(code: 0x06, operand: .max),  // accept
                ]
                return instructions.withUnsafeBufferPointer { pointer in
                    // On the channel's event loop the kernel copies the program before this returns.
                    socket.unsafeSetSocketOption(
                        level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_ATTACH_FILTER),
                        value: Program(
                            length: UInt16(pointer.count), instructions: UInt(bitPattern: pointer.baseAddress)))
                }
            }
            return (try? await attached.get()) != nil
        #else
            return false
        #endif
    }
}

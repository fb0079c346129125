import MartletSystem
import NIOCore

/// Shuts the door of a listening socket without turning away who is inside: the kernel drops packets that ask for a
/// connection, while handshakes under way are completed and what waits is accepted. Who was dropped asks again after a
/// second, and is refused then or let in by the next process.
enum ListenerFilter {
    /// One instruction of the classic BSD packet filter, as `struct sock_filter` has it.
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

    /// - Returns: whether the system can do that.
    static func turnAwayNewcomers(_ channel: any Channel) async -> Bool {
        #if os(Linux)
            let attached = channel.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
                guard let socket = channel as? any SocketOptionProvider else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
                }
                // The packet begins with the TCP header (RFC 9293 §3.1), whose flags are in byte 13.
                let instructions = [
                    Instruction(code: 0x30, operand: 13),  // load the byte
                    Instruction(code: 0x54, operand: 0x12),  // keep ACK and SYN
                    Instruction(code: 0x15, isFalse: 1, operand: 0x02),  // SYN alone?
                    Instruction(code: 0x06, operand: 0),  // drop
                    Instruction(code: 0x06, operand: .max),  // let pass
                ]
                return instructions.withUnsafeBufferPointer { pointer in
                    // The kernel copies the program before this returns, as it is the channel's own event loop.
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

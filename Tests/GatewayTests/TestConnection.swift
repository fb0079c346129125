import MartletSystem
import NIOCore
import NIOPosix
import Synchronization

/// The event loop of the tests' clients and upstreams, separate from the gateway's.
let peerLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// One end of a raw TCP or Unix connection, on which a test writes and awaits bytes.
final class TestConnection: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
        var waiters: [Int: @Sendable (inout State) -> Bool] = [:]
        var nextWaiter = 0

        mutating func wake() {
            for (key, waiter) in waiters where waiter(&self) { waiters[key] = nil }
        }
    }

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex(State())

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            state.withLock {
                $0.bytes += buffer.readableBytesView
                $0.wake()
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { closed() }
            context.fireUserInboundEventTriggered(event)
        }

        func channelInactive(context: ChannelHandlerContext) { closed() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func closed() {
            state.withLock {
                $0.isClosed = true
                $0.wake()
            }
        }
    }

    let channel: any Channel
    private let handler: Handler

    private init(_ channel: any Channel, _ handler: Handler) {
        self.channel = channel
        self.handler = handler
    }

    /// Wraps an accepted connection. Call it on its event loop before the channel is active.
    static func adopt(_ channel: any Channel) throws -> TestConnection {
        let handler = Handler()
        try channel.pipeline.syncOperations.addHandler(handler)
        return TestConnection(channel, handler)
    }

    static func connect(port: Int, receiveBuffer: Int? = nil) async throws -> TestConnection {
        let handler = Handler()
        var bootstrap = ClientBootstrap(group: peerLoops)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { $0.pipeline.addHandler(handler) }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        return TestConnection(try await bootstrap.connect(host: "127.0.0.1", port: port).get(), handler)
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func close() async { try? await channel.close() }

    var receivedCount: Int { handler.state.withLock { $0.bytes.count } }

    /// Waits at most 30 s until `extract` finds a value in the received bytes.
    func receive<Value: Sendable>(
        _ extract: @escaping @Sendable (_ bytes: inout [UInt8], _ isClosed: Bool) -> Value?
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            handler.state.withLock { state in
                let waiter: @Sendable (inout State) -> Bool = { state in
                    if let value = extract(&state.bytes, state.isClosed) {
                        continuation.resume(returning: value)
                        return true
                    }
                    guard state.isClosed else { return false }
                    let text = String(decoding: state.bytes.prefix(2000), as: UTF8.self)
                    continuation.resume(throwing: Failure(description: "closed after: \(text)"))
                    return true
                }
                if waiter(&state) { return }
                let key = state.nextWaiter
                state.nextWaiter += 1
                state.waiters[key] = waiter
                channel.eventLoop.scheduleTask(in: .seconds(30)) { [handler] in
                    handler.state.withLock { state in
                        guard state.waiters.removeValue(forKey: key) != nil else { return }
                        let text = String(decoding: state.bytes.prefix(2000), as: UTF8.self)
                        continuation.resume(throwing: Failure(description: "timeout after: \(text)"))
                    }
                }
            }
        }
    }

    /// Receives everything up to and including `end`.
    func receive(until end: String) async throws -> String {
        let end = Array(end.utf8)
        return try await receive { bytes, _ in
            guard let index = bytes.firstIndex(of: end) else { return nil }
            defer { bytes.removeFirst(index + end.count) }
            return String(decoding: bytes[..<(index + end.count)], as: UTF8.self)
        }
    }

    func receive(count: Int) async throws -> [UInt8] {
        try await receive { bytes, _ in
            guard bytes.count >= count else { return nil }
            defer { bytes.removeFirst(count) }
            return Array(bytes[..<count])
        }
    }

    /// Waits until the peer closes.
    /// - Returns: the bytes received but not yet consumed.
    @discardableResult
    func untilClosed() async throws -> String {
        try await receive { bytes, isClosed in isClosed ? String(decoding: bytes, as: UTF8.self) : nil }
    }

    /// Receives one complete response.
    func response(toHead: Bool = false) async throws -> TestMessage {
        try await receive { bytes, isClosed in
            TestMessage.take(from: &bytes, hasNoBody: toHead, isClosed: isClosed, isResponse: true)
        }
    }

    /// Receives one complete request.
    func request() async throws -> TestMessage {
        try await receive { bytes, isClosed in
            TestMessage.take(from: &bytes, hasNoBody: false, isClosed: isClosed, isResponse: false)
        }
    }
}

extension [UInt8] {
    /// The position of `other` from `start` on. Uses the C library, because a debug build compares megabytes slowly.
    fileprivate func firstIndex(of other: [UInt8], from start: Int = 0) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let first = other.first else { return nil }
            var position = start
            while position + other.count <= bytes.count {
                let rest = bytes.count - other.count - position + 1
                guard let found = memchr(base + position, Int32(first), rest) else { return nil }
                if memcmp(found, other, other.count) == 0 { return UnsafeRawPointer(found) - base }
                position = UnsafeRawPointer(found) - base + 1
            }
            return nil
        }
    }
}

/// A leniently parsed message. The tests use their own parser, so that they do not share the faults of the gateway's.
struct TestMessage: Sendable {
    var startLine = ""
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var isChunked = false

    var status: Int { Int(startLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
    var text: String { String(decoding: body, as: UTF8.self) }

    func all(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    subscript(_ name: String) -> String? { all(name).first }

    static func take(from bytes: inout [UInt8], hasNoBody: Bool, isClosed: Bool, isResponse: Bool) -> TestMessage? {
        guard let headEnd = bytes.firstIndex(of: Array("\r\n\r\n".utf8)) else { return nil }
        var lines = String(decoding: bytes[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        var message = TestMessage()
        message.startLine = lines.removeFirst()
        message.headers = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? parts[1].trimmingSpaces() : "")
        }
        var position = headEnd + 4
        message.isChunked = message["transfer-encoding"] == "chunked"
        let status = isResponse ? message.status : 200
        if hasNoBody || status < 200 || status == 204 || status == 304 {
            // No body.
        } else if message.isChunked {
            var chunks: [Range<Int>] = []
            while true {
                guard let lineEnd = bytes.firstIndex(of: Array("\r\n".utf8), from: position),
                    let size = Int(String(decoding: bytes[position..<lineEnd], as: UTF8.self), radix: 16),
                    bytes.count >= lineEnd + 2 + size + 2
                else { return nil }
                chunks.append((lineEnd + 2)..<(lineEnd + 2 + size))
                position = lineEnd + 2 + size + 2
                if size == 0 { break }
            }
            for chunk in chunks { message.body += bytes[chunk] }
        } else if let length = message["content-length"].flatMap({ Int($0) }) {
            guard bytes.count >= position + length else { return nil }
            message.body = Array(bytes[position..<(position + length)])
            position += length
        } else if isResponse {
            guard isClosed else { return nil }
            message.body = Array(bytes[position...])
            position = bytes.count
        }
        bytes.removeFirst(position)
        return message
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var result: [String] = []
        let (bytes, separator) = (Array(utf8), Array(separator.utf8))
        var start = 0
        while let index = bytes.firstIndex(of: separator, from: start) {
            result.append(String(decoding: bytes[start..<index], as: UTF8.self))
            start = index + separator.count
        }
        return result + [String(decoding: bytes[start...], as: UTF8.self)]
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        var text = self.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

import NIOCore
import NIOHPACK

@testable import Gateway

/// An HTTP/2 client that writes and reads its own frames, so that a test controls every frame. It shares only the
/// coding of header sections with the gateway.
actor TestHTTP2Client {
    struct Response: Sendable {
        var headers: [(name: String, value: String)] = []
        var interim: [Int] = []
        /// The raw bytes of the response's head.
        var raw: [HeaderField] = []
        /// The number of frames of the head.
        var headFrames = 0
        var body: [UInt8] = []
        var hasEnded = false
        /// The error code of RST_STREAM.
        var reset: Int?

        var status: Int { Int(self[":status"] ?? "") ?? 0 }
        var text: String { String(decoding: body, as: UTF8.self) }
        subscript(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    }

    struct Frame: Sendable {
        let type: UInt8
        let flags: UInt8
        let stream: Int
        let payload: [UInt8]
    }

    enum FrameType {
        static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, reset: UInt8 = 3, settings: UInt8 = 4
        static let ping: UInt8 = 6, goAway: UInt8 = 7, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    }

    static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    nonisolated let connection: TestConnection
    private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    private var decoder = HPACKDecoder(
        allocator: ByteBufferAllocator(), maxDynamicTableSize: 4096, maxHeaderListSize: 1 << 20)
    /// Decodes the same blocks, and keeps the raw bytes.
    private var rawDecoder = HeaderBlockDecoder(limit: 1 << 20)
    private var responses: [Int: Response] = [:]
    private(set) var settings: [Int: Int] = [:]
    private(set) var goAway: (lastStream: Int, code: Int)?
    /// The send windows of the connection (0) and of the streams.
    private var windows = [0: 65_535]
    private var initialWindow = 65_535
    /// Whether to return received bytes to the window at once.
    private var opensWindows = true

    init(_ connection: TestConnection) { self.connection = connection }

    /// - Parameter window: the initial window of the gateway's streams, in bytes.
    static func connect(_ gateway: GatewayFixture, window: Int = 65_535) async throws -> TestHTTP2Client {
        let client = TestHTTP2Client(try await gateway.connect())
        try await client.connection.send(preface)
        // SETTINGS_INITIAL_WINDOW_SIZE
        try await client.send(
            FrameType.settings, payload: [0, 4] + withUnsafeBytes(of: UInt32(window).bigEndian, Array.init))
        await client.setOpensWindows(window == 65_535)
        return client
    }

    func setOpensWindows(_ value: Bool) { opensWindows = value }

    // MARK: Sending

    static func bytes(_ type: UInt8, flags: UInt8 = 0, stream: Int = 0, payload: [UInt8] = []) -> [UInt8] {
        let length = withUnsafeBytes(of: UInt32(payload.count).bigEndian, Array.init).dropFirst()
        return length + [type, flags] + withUnsafeBytes(of: UInt32(stream).bigEndian, Array.init) + payload
    }

    func send(_ type: UInt8, flags: UInt8 = 0, stream: Int = 0, payload: [UInt8] = []) async throws {
        try await connection.send(Self.bytes(type, flags: flags, stream: stream, payload: payload))
    }

    func encode(_ fields: [(String, String)]) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try encoder.encode(headers: HPACKHeaders(fields), to: &buffer)
        return Array(buffer.readableBytesView)
    }

    static func fields(_ method: String = "GET", _ path: String = "/api/x") -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "example.com")]
    }

    /// Sends HEADERS in one frame.
    func request(
        _ stream: Int, _ fields: [(String, String)] = TestHTTP2Client.fields(), endsStream: Bool = true
    ) async throws {
        responses[stream] = Response()
        try await send(FrameType.headers, flags: endsStream ? 5 : 4, stream: stream, payload: try encode(fields))
    }

    /// Sends DATA in frames of at most 16 KiB, as fast as the windows allow.
    func data(_ stream: Int, _ bytes: [UInt8], endsStream: Bool = true) async throws {
        var rest = bytes[...]
        repeat {
            while !rest.isEmpty, sendable(stream) <= 0 { try await readFrame() }
            let piece = rest.prefix(min(16_384, sendable(stream)))
            rest = rest.dropFirst(piece.count)
            windows[0, default: 0] -= piece.count
            windows[stream, default: initialWindow] -= piece.count
            try await send(
                FrameType.data, flags: endsStream && rest.isEmpty ? 1 : 0, stream: stream, payload: Array(piece))
        } while !rest.isEmpty
    }

    /// The number of bytes that the gateway currently accepts on a stream.
    func sendable(_ stream: Int) -> Int { min(windows[0, default: 0], windows[stream, default: initialWindow]) }

    func windowUpdate(_ stream: Int, _ increment: Int) async throws {
        try await send(
            FrameType.windowUpdate, stream: stream,
            payload: withUnsafeBytes(of: UInt32(increment).bigEndian, Array.init))
    }

    func reset(_ stream: Int, code: UInt8 = 8) async throws {
        try await send(FrameType.reset, stream: stream, payload: [0, 0, 0, code])
    }

    // MARK: Receiving

    /// Receives the next frame and reacts to it.
    @discardableResult
    func readFrame() async throws -> Frame {
        let frame = try await connection.receive { bytes, _ -> Frame? in
            guard bytes.count >= 9 else { return nil }
            let length = Self.number(bytes[0..<3])
            guard bytes.count >= 9 + length else { return nil }
            defer { bytes.removeFirst(9 + length) }
            return Frame(
                type: bytes[3], flags: bytes[4], stream: Self.number(bytes[5..<9]),
                payload: Array(bytes[9..<9 + length]))
        }
        let endsStream = frame.flags & 1 == 1
        switch frame.type {
        case FrameType.headers:
            var block = frame.payload
            var frames = 1
            var last = frame
            while last.flags & 4 == 0 {
                last = try await readFrame()
                guard last.type == FrameType.continuation else { throw HeaderBlockDecoder.Failure.malformed }
                block += last.payload
                frames += 1
            }
            var buffer = ByteBuffer(bytes: block)
            let raw = try block.withUnsafeBytes { try rawDecoder.decode($0) }
            let fields = try decoder.decodeHeaders(from: &buffer)
            let status = Int(fields.first(name: ":status") ?? "") ?? 0
            if (100..<200).contains(status) {
                responses[frame.stream, default: Response()].interim.append(status)
            } else {
                responses[frame.stream, default: Response()].headers = fields.map { ($0.name, $0.value) }
                responses[frame.stream]?.raw = raw
                responses[frame.stream]?.headFrames = frames
            }
            if endsStream { responses[frame.stream]?.hasEnded = true }
        case FrameType.data:
            responses[frame.stream, default: Response()].body += frame.payload
            if endsStream { responses[frame.stream]?.hasEnded = true }
            if opensWindows, !frame.payload.isEmpty {
                try await windowUpdate(0, frame.payload.count)
                if !endsStream { try await windowUpdate(frame.stream, frame.payload.count) }
            }
        case FrameType.reset:
            responses[frame.stream, default: Response()].reset = Self.number(frame.payload[0..<4])
        case FrameType.settings where !endsStream:
            for start in stride(from: 0, to: frame.payload.count, by: 6) {
                settings[Self.number(frame.payload[start..<start + 2])] = Self.number(
                    frame.payload[start + 2..<start + 6])
            }
            if let window = settings[4] {
                for stream in windows.keys where stream > 0 { windows[stream]? += window - initialWindow }
                initialWindow = window
            }
            try await send(FrameType.settings, flags: 1)
        case FrameType.windowUpdate:
            windows[frame.stream, default: frame.stream == 0 ? 65_535 : initialWindow] += Self.number(
                frame.payload[0..<4])
        case FrameType.goAway:
            goAway = (Self.number(frame.payload[0..<4]), Self.number(frame.payload[4..<8]))
        default:
            break
        }
        return frame
    }

    /// Waits for the response on a stream, or for its reset.
    func response(_ stream: Int) async throws -> Response {
        while true {
            if let response = responses[stream], response.hasEnded || response.reset != nil { return response }
            try await readFrame()
        }
    }

    /// Waits for the head of a response.
    func head(_ stream: Int) async throws -> Response {
        while true {
            if let response = responses[stream], !response.headers.isEmpty { return response }
            try await readFrame()
        }
    }

    func received(_ stream: Int) -> Response { responses[stream] ?? Response() }

    /// Waits for GOAWAY and the end of the connection.
    /// - Returns: the error code.
    func untilGoneAway() async throws -> Int {
        while goAway == nil { try await readFrame() }
        try await connection.untilClosed()
        return goAway?.code ?? -1
    }

    /// Waits for the response to a ping. By then the gateway has processed everything sent before.
    func ping() async throws {
        try await send(FrameType.ping, payload: [1, 2, 3, 4, 5, 6, 7, 8])
        while try await readFrame().type != FrameType.ping {}
    }

    nonisolated func close() async { await connection.close() }

    private static func number(_ bytes: some Sequence<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}

import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

/// swift-nio-http2 copies its buffer for each read while it holds an earlier frame, so the cost depends on reads, not
/// on frames.
@Suite struct HTTP2SmallFramesTests {
    private final class Connection: HTTP2GuardedConnection {
        func failed() {}
        func wrote(_ frame: HTTP2WrittenFrames.Frame) {}
    }

    @Test func framesOfOneReadGoOnInOnePart() throws {
        let connection = Connection()
        let channel = EmbeddedChannel(
            handler: HTTP2ConnectionGuard(
                connection, announcing: .init(streams: 100, headerList: 16_384), budget: HTTP2ReceiveBudget()))
        let frame = TestHTTP2Client.bytes(0, stream: 1, payload: [0x78])
        let settings = TestHTTP2Client.bytes(4, payload: [])
        let frames = [UInt8](repeatElement(frame, count: 1000).joined())
        try channel.writeInbound(ByteBuffer(bytes: HTTP2Pipeline.preface + settings))
        while try channel.readInbound(as: ByteBuffer.self) != nil {}
        try channel.writeInbound(ByteBuffer(bytes: frames))
        let part = try #require(try channel.readInbound(as: ByteBuffer.self))
        #expect(part.readableBytes == frames.count)
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        _ = try? channel.finish()
    }
}

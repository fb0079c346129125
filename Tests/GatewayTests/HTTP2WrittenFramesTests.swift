import NIOCore
import Testing

@testable import Gateway

@Suite struct HTTP2WrittenFramesTests {
    private static let goAway: [UInt8] = TestHTTP2Client.bytes(7, payload: [0, 0, 0, 1, 0, 0, 0, 11])
    private static let reset: [UInt8] = TestHTTP2Client.bytes(3, stream: 1, payload: [0, 0, 0, 8])

    private func frames(_ frames: inout HTTP2WrittenFrames, _ writes: [[UInt8]]) -> [HTTP2WrittenFrames.Frame] {
        writes.map { frames.next(ByteBuffer(bytes: $0)) }
    }

    @Test func framesInOneBufferAreRead() {
        var written = HTTP2WrittenFrames()
        let found = frames(&written, [TestHTTP2Client.bytes(4), Self.reset, Self.goAway, Self.reset])
        #expect(found == [.settings, .reset(stream: 1, code: 8), .goAway(11), .reset(stream: 1, code: 8)])
    }

    @Test func payloadInABufferOfItsOwnIsNot() {
        var written = HTTP2WrittenFrames()
        let header = Array(TestHTTP2Client.bytes(0, stream: 1, payload: Self.goAway).prefix(9))
        // DATA without content has an empty second buffer.
        let empty = TestHTTP2Client.bytes(0, flags: 1, stream: 1)
        let found = frames(&written, [header, Self.goAway, empty, [], Self.reset, header, Self.goAway, Self.goAway])
        let data = HTTP2WrittenFrames.Frame.data(stream: 1, length: 17, endsStream: false)
        let end = HTTP2WrittenFrames.Frame.data(stream: 1, length: 0, endsStream: true)
        #expect(found == [data, .other, end, .other, .reset(stream: 1, code: 8), data, .other, .goAway(11)])
    }

    @Test func clientPrefaceIsNotAFrame() {
        var written = HTTP2WrittenFrames(preface: HTTP2Pipeline.preface.count)
        let found = frames(&written, [HTTP2Pipeline.preface, TestHTTP2Client.bytes(4), Self.goAway])
        #expect(found == [.other, .settings, .goAway(11)])
    }

    @Test func doesNotReadBeyondTruncatedFrames() {
        for bytes in [Self.goAway, Self.reset] {
            for count in 0..<bytes.count {
                var written = HTTP2WrittenFrames()
                let frame = written.next(ByteBuffer(bytes: bytes.prefix(count)))
                #expect(frame == .other)
            }
        }
    }
}

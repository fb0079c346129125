import NIOCore
import Testing

@testable import Gateway

@Suite struct HTTP2FrameReaderTests {
    @Test func readsFramesInAnyPieces() {
        let settings = TestHTTP2Client.bytes(4, payload: [0, 1, 0x7F, 0xFF, 0xFF, 0xFF])
        let data = TestHTTP2Client.bytes(0, flags: 8, stream: 1, payload: [3, 0x61, 0x62, 0, 0, 0])
        let ping = TestHTTP2Client.bytes(6, payload: [UInt8](repeating: 1, count: 8))
        let all = HTTP2Pipeline.preface + settings + data + ping
        for step in 1...all.count {
            var reader = HTTP2FrameReader(isServer: true)
            var bytes: [UInt8] = []
            var frames: [UInt8] = []
            var padding = 0
            for start in stride(from: 0, to: all.count, by: step) {
                reader.append(ByteBuffer(bytes: all[start..<min(start + step, all.count)]))
                while let piece = reader.next() {
                    switch piece {
                    case .raw(let raw): bytes += raw.readableBytesView
                    case .data(_, let count, let raw):
                        padding = count
                        bytes += raw.readableBytesView
                    case .frame(let header, let raw):
                        frames.append(header.type)
                        bytes += raw.readableBytesView
                    }
                }
            }
            #expect(bytes == all)
            #expect(frames == [4])
            #expect(padding == 4)
        }
    }

    /// Each read ends within the next frame's header, so some bytes always remain unread.
    @Test func framesThatHaveBeenReadAreNotKept() {
        let ping = TestHTTP2Client.bytes(6, payload: [UInt8](repeating: 1, count: 8))
        var reader = HTTP2FrameReader(isServer: true)
        reader.append(ByteBuffer(bytes: HTTP2Pipeline.preface + ping.prefix(4)))
        var last: HTTP2FrameReader.Piece?
        for _ in 0..<5000 {
            while let piece = reader.next() { last = piece }
            reader.append(ByteBuffer(bytes: ping.dropFirst(4) + ping.prefix(4)))
        }
        #expect(last != nil)
        #expect(reader.pending.storageCapacity <= 1024)
    }

    @Test func clampsTheClientsTableLimit() {
        var frame = ByteBuffer(
            bytes: TestHTTP2Client.bytes(
                4, payload: [0, 1, 0x7F, 0xFF, 0xFF, 0xFF, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9]))
        #expect(HTTP2SettingsFrame.clampTable(in: &frame) == [Int(Int32.max), 9])
        #expect(
            Array(frame.readableBytesView)
                == TestHTTP2Client.bytes(4, payload: [0, 1, 0, 0, 0x10, 0, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9]))
    }
}

@Suite struct HTTP2ReceiveWindowTests {
    @Test func heldBytesNeverExceedTheWindow() {
        var window = HTTP2ReceiveWindow()
        var sent = 0
        // No data is forwarded.
        while true {
            _ = window.refill(to: HTTP2ReceiveWindow.largest)
            guard window.credit > 0 else { break }
            sent += window.credit
            let isAllowed = window.received(window.credit)
            #expect(isAllowed)
        }
        #expect(sent <= HTTP2ReceiveWindow.largest && window.held == sent)
        let isAllowed = window.received(1)
        #expect(!isAllowed)
        window.released(sent)
        #expect(window.refill(to: HTTP2ReceiveWindow.largest) ?? 0 > HTTP2ReceiveWindow.largest / 2)
    }

    @Test func allWindowsTogetherStayWithinTheBudget() {
        let budget = HTTP2ReceiveBudget()
        var windows = [HTTP2ReceiveWindow](repeating: HTTP2ReceiveWindow(), count: 1000)
        for index in windows.indices {
            let before = windows[index]
            _ = windows[index].refill(to: budget.target(before))
            budget.change(from: before, to: windows[index])
        }
        #expect(budget.used <= HTTP2ReceiveBudget.maximum)
        // A late stream still has the protocol's initial window.
        #expect(windows[999].credit == HTTP2ReceiveWindow.smallest)
        for window in windows { budget.change(from: window, to: nil) }
        #expect(budget.used == 0)
    }

    @Test func closedStreamReleasesHeldBytes() {
        var streams = HTTP2OpenStreams()
        streams.open(1, endsStream: false)
        streams.open(3, endsStream: true)
        let isOpen = streams.received(1, 100)
        let isOther = streams.received(5, 100)
        #expect(isOpen && !isOther)
        #expect(streams.released(1, 30) == 30)
        #expect(streams.gatewayEnded(1) == 0)
        #expect(streams.count == 2)
        #expect(streams.clientEnded(1) == 70)
        #expect(streams.gatewayEnded(3) == 0)
        #expect(streams.count == 0)
        #expect(streams.released(1, 30) == 0)
    }

    /// Partial releases do not release the frame.
    @Test func framesAreHeldAsLongAsWhatTheyCarry() {
        var streams = HTTP2OpenStreams()
        for id in [1, 3] {
            streams.open(id, endsStream: false)
            for _ in 0..<100 { _ = streams.received(id, 1) }
        }
        #expect(streams.heldFrames == 200)
        for _ in 0..<50 { _ = streams.released(1, 1) }
        #expect(streams.heldFrames == 150)
        _ = streams.released(1, 50)
        // A frame without content.
        _ = streams.received(1, 0)
        #expect(streams.heldFrames == 101)
        _ = streams.released(1, 0)
        #expect(streams.heldFrames == 100)
        _ = streams.close(3)
        #expect(streams.heldFrames == 0)
    }
}

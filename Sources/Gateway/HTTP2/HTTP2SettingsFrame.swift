import NIOCore

/// Edits SETTINGS frames (RFC 9113 §6.5) between swift-nio-http2 and the peer.
enum HTTP2SettingsFrame {
    private static let headerTableSize: UInt16 = 1
    private static let maximumStreams: UInt16 = 3
    private static let maximumHeaderList: UInt16 = 6
    /// The most settings in a frame. Few are defined, and applying one may touch every open stream.
    static let mostInFrame = 32

    /// The limits announced to clients. swift-nio-http2 gets higher ones, since it closes the whole connection beyond
    /// its own.
    struct Announcement: Equatable, Sendable {
        /// The most concurrent streams.
        var streams: Int
        /// The largest header section, as defined in RFC 9113 §6.5.2.
        var headerList: Int
    }

    /// Limits the peer's table size for swift-nio-http2's encoder, which searches its table linearly.
    /// - Parameter frame: the whole frame.
    /// - Returns: the table sizes that the peer has set, in order.
    static func clampTable(in frame: inout ByteBuffer) -> [Int] {
        var sizes: [Int] = []
        let changed = forEach(in: frame) { setting, value in
            guard setting == headerTableSize else { return nil }
            sizes.append(Int(value))
            return min(value, UInt32(HeaderTable.maximumSize))
        }
        if let changed { frame = changed }
        return sizes
    }

    /// Replaces swift-nio-http2's limits with the announced ones.
    static func announce(_ announcement: Announcement, in frame: ByteBuffer) -> ByteBuffer {
        let changed = forEach(in: frame) { setting, _ in
            switch setting {
            case maximumStreams: UInt32(clamping: announcement.streams)
            case maximumHeaderList: UInt32(clamping: announcement.headerList)
            default: nil
            }
        }
        return changed ?? frame
    }

    /// - Parameter change: takes a setting and its value, and returns a new value.
    /// - Returns: the frame, if it changes.
    private static func forEach(
        in frame: ByteBuffer, _ change: (_ setting: UInt16, _ value: UInt32) -> UInt32?
    ) -> ByteBuffer? {
        var changed: ByteBuffer?
        let end = frame.writerIndex
        var index = frame.readerIndex + HTTP2FrameHeader.size
        while index + 6 <= end, let setting = frame.getInteger(at: index, as: UInt16.self),
            let value = frame.getInteger(at: index + 2, as: UInt32.self)
        {
            if let replacement = change(setting, value), replacement != value {
                var copy = changed ?? frame
                copy.setInteger(replacement, at: index + 2)
                changed = copy
            }
            index += 6
        }
        return changed
    }
}

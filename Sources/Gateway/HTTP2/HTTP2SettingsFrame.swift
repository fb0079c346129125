import NIOCore

/// SETTINGS frames (RFC 9113 §6.5) as swift-nio-http2 and the other side are to see them.
enum HTTP2SettingsFrame {
    private static let headerTableSize: UInt16 = 1
    private static let maximumStreams: UInt16 = 3
    private static let maximumHeaderList: UInt16 = 6
    /// Most settings in a frame. There are few that mean anything, and each may concern every open stream.
    static let mostInFrame = 32

    /// What clients are told. swift-nio-http2 itself is told of more, as it ends the whole connection beyond.
    struct Announcement: Equatable, Sendable {
        /// Streams at once.
        var streams: Int
        /// Size of a header section, as RFC 9113 §6.5.2 counts it.
        var headerList: Int
    }

    /// Takes from the other side's settings what would have the table of swift-nio-http2's encoder grow, which it
    /// searches from end to end.
    /// - Parameter frame: the whole frame.
    /// - Returns: the limits of the table that the other side has set, in order.
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

    /// Puts the announcement in place of what swift-nio-http2 says.
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

    /// - Parameter change: a setting and its value; returns the value that it gets.
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

import MartletSystem

/// Splits a message head into lines as its bytes arrive.
///
/// Each byte is searched for a line end once, however the input is split into reads, and only complete lines are
/// returned. That bounds the work and makes the result independent of the reads.
struct LineScanner: Sendable {
    enum Line: Equatable {
        /// Excludes the CR LF, which ends at `next`.
        case line(start: Int, end: Int, next: Int)
        case incomplete
        /// No line end before the limit.
        case tooLong
        case bareLineFeed
    }

    /// The start of the next line, from the start of the head.
    private(set) var lineStart: Int
    private var scanned: Int
    /// The bytes searched so far, for tests of the cost.
    private(set) var searched = 0

    init(start: Int = 0) {
        lineStart = start
        scanned = start
    }

    /// - Parameter limit: the line and its end must lie before this offset.
    mutating func next(in bytes: UnsafeRawBufferPointer, limit: Int) -> Line {
        let end = min(bytes.count, limit)
        guard scanned < end, let base = bytes.baseAddress else {
            return bytes.count >= limit ? .tooLong : .incomplete
        }
        guard let found = memchr(base + scanned, Int32(ASCII.lineFeed), end - scanned) else {
            searched += end - scanned
            scanned = end
            return bytes.count >= limit ? .tooLong : .incomplete
        }
        let lineFeed = UnsafeRawPointer(found) - base
        searched += lineFeed + 1 - scanned
        guard lineFeed > lineStart, bytes[lineFeed - 1] == ASCII.carriageReturn else { return .bareLineFeed }
        let line = Line.line(start: lineStart, end: lineFeed - 1, next: lineFeed + 1)
        lineStart = lineFeed + 1
        scanned = lineFeed + 1
        return line
    }
}

/// One header field, split and validated.
struct HeaderLine {
    /// The name is `start..<nameEnd`.
    let start: Int
    let nameEnd: Int
    let value: ByteRange
    let hasUnderscore: Bool

    /// Splits `name: value` at `start..<end`. Refuses names outside the grammar, including whitespace before the colon
    /// and folded lines, and control bytes in the value.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(HTTPError) {
        var index = start
        var underscore = false
        while index < end, ASCIISet.token.contains(bytes[index]) {
            if bytes[index] == ASCII.underscore { underscore = true }
            index += 1
        }
        guard index > start, index < end, bytes[index] == ASCII.colon else { throw .invalidHeaderName }
        self.start = start
        nameEnd = index
        hasUnderscore = underscore
        var first = index + 1
        var last = end
        while first < last, bytes[first] == ASCII.space || bytes[first] == ASCII.tab { first += 1 }
        while last > first, bytes[last - 1] == ASCII.space || bytes[last - 1] == ASCII.tab { last -= 1 }
        guard Self.isValidValue(bytes, first, last) else { throw .invalidHeaderValue }
        value = ByteRange(first, last)
    }

    /// No control bytes except tab (RFC 9110 §5.5), checked eight bytes at a time.
    @inline(__always)
    private static func isValidValue(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while index + 8 <= end {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let below = (word &- ones &* 0x20) & ~word
            let deleted = word ^ (ones &* 0x7F)
            let suspicious = (below | ((deleted &- ones) & ~deleted)) & (ones &* 0x80)
            if suspicious != 0 {
                for offset in index..<index + 8 where !isValidValueByte(bytes[offset]) { return false }
            }
            index += 8
        }
        while index < end {
            if !isValidValueByte(bytes[index]) { return false }
            index += 1
        }
        return true
    }

    @inline(__always)
    private static func isValidValueByte(_ byte: UInt8) -> Bool {
        byte >= ASCII.space ? byte != 0x7F : byte == ASCII.tab
    }
}

import MartletCore
/// A validated request target with a normalized path (RFC 9112 §3.2, RFC 3986 §6.2.2).
///
/// The path that routes and policies see is the path sent upstream. So spellings that some servers read as a different
/// path are refused: empty and dot segments, also with parameters, encoded slashes, backslashes, NUL and control bytes,
/// and double encoding. Equivalent spellings (`%41`, lower-case digits) are rewritten.
struct RequestTarget: Equatable, Sendable {
    /// The path within the head's bytes; unused if ``rewrittenPath`` is set.
    private(set) var path = ByteRange(0, 0)
    /// The query with its question mark, within the head's bytes; empty without a query.
    private(set) var query = ByteRange(0, 0)
    /// The normalized path, if it was spelled differently.
    private(set) var rewrittenPath: [UInt8]?
    /// The authority of an absolute-form target, which replaces `Host`.
    private(set) var authority: ByteRange?
    /// `OPTIONS *`.
    private(set) var isAsterisk = false
    /// Whether the path contains `%2F`, which a route must allow.
    private(set) var hasEncodedSlash = false
    private let keepsEncodedSlashes: Bool

    /// - Parameters:
    ///   - bytes: the bytes of the head.
    ///   - range: the target within them.
    ///   - keepsEncodedSlashes: whether to accept `%2F` in the path.
    init(
        _ bytes: UnsafeRawBufferPointer, _ range: ByteRange, method: RequestMethod, keepsEncodedSlashes: Bool = false
    ) throws(HTTPError) {
        self.keepsEncodedSlashes = keepsEncodedSlashes
        guard range.end <= bytes.count, !range.isEmpty else { throw .invalidTarget }
        var start = range.start
        let end = range.end
        if bytes[start] != ASCII.slash {
            if range.count == 1, bytes[start] == 0x2A {
                guard method == .options else { throw .invalidTarget }
                isAsterisk = true
                path = range
                return
            }
            start = try readAuthority(bytes, range)
            if start == end || bytes[start] == ASCII.questionMark {
                // RFC 9112 §3.2.4 for OPTIONS; otherwise an empty path is "/".
                if method == .options, start == end { isAsterisk = true }
                rewrittenPath = isAsterisk ? [0x2A] : [ASCII.slash]
                query = ByteRange(start, end)
                try Self.checkQuery(bytes, query)
                return
            }
        }
        try readPath(bytes, start, end)
    }

    /// - Returns: the start of the path.
    private mutating func readAuthority(_ bytes: UnsafeRawBufferPointer, _ range: ByteRange) throws(HTTPError) -> Int {
        let target = bytes.slice(range)
        let scheme = target.hasPrefixIgnoringCase("http://") ? 7 : target.hasPrefixIgnoringCase("https://") ? 8 : 0
        guard scheme > 0 else { throw .invalidTarget }
        let start = range.start + scheme
        var index = start
        while index < range.end, bytes[index] != ASCII.slash, bytes[index] != ASCII.questionMark { index += 1 }
        let authority = ByteRange(start, index)
        guard Authority.isValid(bytes.slice(authority)) else { throw .invalidTarget }
        self.authority = authority
        return index
    }

    private mutating func readPath(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(HTTPError) {
        var index = start
        while index < end, bytes[index] != ASCII.questionMark {
            let byte = bytes[index]
            if byte == ASCII.percent {
                try rewritePath(bytes, start, end)
                return
            }
            if byte == ASCII.slash {
                try Self.checkSegment(bytes, from: index + 1, to: end)
            } else if !ASCIISet.pathCharacter.contains(byte) {
                throw .invalidTarget
            }
            index += 1
        }
        path = ByteRange(start, index)
        query = ByteRange(index, end)
        try Self.checkQuery(bytes, query)
    }

    /// Refuses dot segments and empty segments except the last, also with parameters (`;x`, `..;x`), which some servers
    /// strip first.
    @inline(__always)
    private static func checkSegment(_ bytes: some RandomAccessCollection<UInt8>, from start: Int, to end: Int)
        throws(HTTPError)
    {
        func at(_ offset: Int) -> UInt8 {
            guard start + offset < end else { return ASCII.questionMark }
            return bytes[bytes.index(bytes.startIndex, offsetBy: start + offset)]
        }
        func endsSegment(_ byte: UInt8) -> Bool {
            byte == ASCII.slash || byte == ASCII.questionMark || byte == ASCII.semicolon
        }
        let first = at(0)
        if first == ASCII.slash || first == ASCII.semicolon { throw .invalidTarget }
        guard first == ASCII.dot else { return }
        if endsSegment(at(1)) || (at(1) == ASCII.dot && endsSegment(at(2))) { throw .invalidTarget }
    }

    private mutating func rewritePath(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(HTTPError) {
        var result: [UInt8] = []
        result.reserveCapacity(end - start)
        var index = start
        while index < end, bytes[index] != ASCII.questionMark {
            let byte = bytes[index]
            guard byte == ASCII.percent else {
                guard byte == ASCII.slash || ASCIISet.pathCharacter.contains(byte) else { throw .invalidTarget }
                result.append(byte)
                index += 1
                continue
            }
            let decoded = try Self.decode(bytes, index, end)
            // Decoding control bytes, "/" or "\" would change the meaning.
            guard decoded >= ASCII.space, decoded != 0x7F, decoded != 0x5C,
                decoded != ASCII.slash || keepsEncodedSlashes
            else { throw .invalidTarget }
            if decoded == ASCII.slash { hasEncodedSlash = true }
            if ASCIISet.unreserved.contains(decoded) {
                result.append(decoded)
            } else {
                result.appendPercentEncoded(decoded)
            }
            index += 3
        }
        for (offset, byte) in result.enumerated() where byte == ASCII.slash {
            try Self.checkSegment(result, from: offset + 1, to: result.count)
        }
        try Self.checkHidden(result)
        if hasEncodedSlash { try Self.checkDecoded(result) }
        guard !Self.isEncodedTwice(result) else { throw .invalidTarget }
        rewrittenPath = result
        path = ByteRange(start, index)
        query = ByteRange(index, end)
        try Self.checkQuery(bytes, query)
    }

    /// Refuses paths with empty or dot segments for a server that decodes slashes first.
    private static func checkDecoded(_ path: [UInt8]) throws(HTTPError) {
        let path = LenientTable.withSlashes(path)
        for (offset, byte) in path.enumerated() where byte == ASCII.slash {
            try checkSegment(path, from: offset + 1, to: path.count)
        }
        try checkHidden(path)
    }

    /// An encoded ";" after an empty or dot segment does not hide it.
    private static func checkHidden(_ path: [UInt8]) throws(HTTPError) {
        for hidden in ["/%3B", "/.%3B", "/..%3B"] where path.containsSequence(Array(hidden.utf8)) {
            throw .invalidTarget
        }
    }

    /// Whether an encoded percent sign is followed by two hexadecimal digits.
    private static func isEncodedTwice(_ path: [UInt8]) -> Bool {
        path.indices.dropLast(4).contains { index in
            path[index] == ASCII.percent && path[index + 1] == ASCII.zero + 2 && path[index + 2] == ASCII.zero + 5
                && Hexadecimal.value(path[index + 3]) != nil && Hexadecimal.value(path[index + 4]) != nil
        }
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ end: Int) throws(HTTPError) -> UInt8 {
        guard index + 2 < end, let high = Hexadecimal.value(bytes[index + 1]),
            let low = Hexadecimal.value(bytes[index + 2])
        else { throw .invalidTarget }
        return high << 4 | low
    }

    private static func checkQuery(_ bytes: UnsafeRawBufferPointer, _ query: ByteRange) throws(HTTPError) {
        var index = query.start
        while index < query.end {
            let byte = bytes[index]
            if byte == ASCII.percent {
                _ = try decode(bytes, index, query.end)
                index += 3
            } else {
                guard ASCIISet.queryCharacter.contains(byte) else { throw .invalidTarget }
                index += 1
            }
        }
    }
}

extension [UInt8] {
    fileprivate func containsSequence(_ other: [UInt8]) -> Bool {
        guard !other.isEmpty, count >= other.count else { return false }
        return (0...(count - other.count)).contains { self[$0..<$0 + other.count].elementsEqual(other) }
    }
}

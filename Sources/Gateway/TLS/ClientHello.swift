import NIOCore

/// The parts of a ClientHello that the gateway uses (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2). Performs no I/O.
///
/// Nothing is refused here: the TLS library answers what cannot be parsed.
struct ClientHello: Equatable {
    enum Reading: Equatable {
        case incomplete
        /// A plain-text HTTP request.
        case plainHTTP
        case hello(ClientHello)
        /// Anything else, or a message that is too large.
        case other
    }

    /// Cipher suites of TLS 1.2 and earlier, in the client's order of preference.
    var suites: [UInt16] = []
    /// ALPN (RFC 7301); empty without it.
    var protocols: [[UInt8]] = []
    /// SNI (RFC 6066 §3).
    var serverName: String?
    var offersVersion13 = false

    /// The largest message that is parsed, in bytes. Browsers send about 2 KB.
    static let maximumSize = 16_384
    /// The longest server name (RFC 1035 §2.3.4).
    private static let longestName = 255

    /// Reassembles the message from its records. Each record is parsed once, however the message is fragmented.
    struct Reader {
        private var message = ByteBuffer()
        /// The start of the first incomplete record.
        private var position = 0
        /// The number of parsed records, for tests of the cost.
        private(set) var records = 0

        /// - Parameter bytes: everything received so far.
        mutating func read(_ bytes: ByteBuffer) -> Reading {
            guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return .incomplete }
            // HTTP methods start with a capital letter, which no TLS record type equals.
            if (0x41...0x5A).contains(first) { return .plainHTTP }
            guard first == 22 else { return .other }
            while true {
                let start = bytes.readerIndex + position
                guard let kind = bytes.getInteger(at: start, as: UInt16.self),
                    let length = bytes.getInteger(at: start + 3, as: UInt16.self).map(Int.init)
                else { break }
                // A handshake record of any TLS version.
                guard kind == 0x1603, length > 0, message.readableBytes + length <= maximumSize else {
                    return .other
                }
                records += 1
                guard let fragment = bytes.getSlice(at: start + 5, length: length) else { break }
                position += 5 + length
                message.writeImmutableBuffer(fragment)
                if let hello = parse(message) { return hello }
            }
            return bytes.readableBytes > 2 * maximumSize ? .other : .incomplete
        }
    }

    /// - Returns: nil while the message is incomplete.
    private static func parse(_ message: ByteBuffer) -> Reading? {
        guard let start = message.getInteger(at: message.readerIndex, as: UInt32.self) else { return nil }
        let length = Int(start & 0xFF_FFFF)
        guard start >> 24 == 1, length <= maximumSize else { return .other }
        guard var body = message.getSlice(at: message.readerIndex + 4, length: length) else { return nil }
        var hello = ClientHello()
        // Version and random.
        guard body.readSlice(length: 34) != nil, body.readVector(1) != nil, var suites = body.readVector(2),
            body.readVector(1) != nil
        else { return .other }
        while let suite = suites.readInteger(as: UInt16.self) { hello.suites.append(suite) }
        guard var extensions = body.readVector(2) else { return .hello(hello) }
        while let type = extensions.readInteger(as: UInt16.self), var data = extensions.readVector(2) {
            switch type {
            case 0: hello.readName(&data)
            case 16:
                guard var list = data.readVector(2) else { return .other }
                while let name = list.readVector(1) { hello.protocols.append(Array(name.readableBytesView)) }
            case 43:
                guard var versions = data.readVector(1) else { return .other }
                while let version = versions.readInteger(as: UInt16.self) {
                    if version == 0x0304 { hello.offersVersion13 = true }
                }
            default: break
            }
        }
        return .hello(hello)
    }

    private mutating func readName(_ data: inout ByteBuffer) {
        // RFC 6066 §3: names are ASCII. Comparing other strings may cost more than in proportion to their length.
        guard var list = data.readVector(2), list.readInteger(as: UInt8.self) == 0, let name = list.readVector(2),
            name.readableBytes <= Self.longestName, name.readableBytesView.allSatisfy({ $0 < 0x80 })
        else { return }
        serverName = String(buffer: name)
    }
}

extension ByteBuffer {
    /// Bytes preceded by their count, which takes one or two bytes.
    fileprivate mutating func readVector(_ size: Int) -> ByteBuffer? {
        let count = size == 1 ? readInteger(as: UInt8.self).map(Int.init) : readInteger(as: UInt16.self).map(Int.init)
        return count.flatMap { readSlice(length: $0) }
    }
}

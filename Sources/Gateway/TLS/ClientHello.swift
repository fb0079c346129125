import NIOCore

/// What a client says first (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), as far as the gateway decides by it. Pure.
///
/// Nothing is refused here: what cannot be read is for the TLS library to answer.
struct ClientHello: Equatable {
    enum Reading: Equatable {
        case incomplete
        /// A request of HTTP in clear text.
        case plainHTTP
        case hello(ClientHello)
        /// Neither, or something that is read no further.
        case other
    }

    /// Suites of TLS 1.2 and before, the client's favourite first.
    var suites: [UInt16] = []
    /// ALPN (RFC 7301); empty without it.
    var protocols: [[UInt8]] = []
    /// SNI (RFC 6066 §3).
    var serverName: String?
    var offersVersion13 = false

    /// Longest one that is read. Those of browsers take about 2 KB.
    static let maximumSize = 16_384
    /// Of a server (RFC 1035 §2.3.4).
    private static let longestName = 255

    /// Puts the message together as it comes. Each record is looked at once, however many there are and however they are
    /// cut.
    struct Reader {
        private var message = ByteBuffer()
        /// Where the first record starts that has not come whole.
        private var position = 0
        /// Records that have been looked at, for tests of what it costs.
        private(set) var records = 0

        /// - Parameter bytes: everything that has come so far.
        mutating func read(_ bytes: ByteBuffer) -> Reading {
            guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return .incomplete }
            // Methods are in capital letters, and no record is of such a type.
            if (0x41...0x5A).contains(first) { return .plainHTTP }
            guard first == 22 else { return .other }
            while true {
                let start = bytes.readerIndex + position
                guard let kind = bytes.getInteger(at: start, as: UInt16.self),
                    let length = bytes.getInteger(at: start + 3, as: UInt16.self).map(Int.init)
                else { break }
                // A record of a handshake, in any version of TLS.
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

    /// - Returns: nil while the message is not whole.
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
        // RFC 6066 §3: a name in ASCII. Texts that are not cost more to compare than in proportion to them.
        guard var list = data.readVector(2), list.readInteger(as: UInt8.self) == 0, let name = list.readVector(2),
            name.readableBytes <= Self.longestName, name.readableBytesView.allSatisfy({ $0 < 0x80 })
        else { return }
        serverName = String(buffer: name)
    }
}

extension ByteBuffer {
    /// Bytes with their count before them, which takes one or two.
    fileprivate mutating func readVector(_ size: Int) -> ByteBuffer? {
        let count = size == 1 ? readInteger(as: UInt8.self).map(Int.init) : readInteger(as: UInt16.self).map(Int.init)
        return count.flatMap { readSlice(length: $0) }
    }
}

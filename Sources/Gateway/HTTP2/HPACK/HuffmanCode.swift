import NIOCore

/// The Huffman code of HPACK (RFC 7541, appendix B).
///
/// The code is canonical: codes of equal length are ordered by symbol. So it is fully defined by the lengths.
enum HuffmanCode {
    /// The length of each byte's code, in bits; the last entry is the end-of-string symbol.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]
    private static let longest = 30
    private static let endOfString = 256

    private struct Tables {
        /// By symbol.
        var codes = [UInt32](repeating: 0, count: lengths.count)
        /// The symbols, in the order of their codes.
        var symbols: [UInt16] = []
        /// By length: the first code after all codes of this length or less, left-aligned in 32 bits.
        var limits = [UInt64](repeating: 0, count: longest + 1)
        /// By length: the difference between a code and its position in `symbols`.
        var offsets = [Int](repeating: 0, count: longest + 1)
        /// By the next eight bits: the symbol and its code length; 0 for longer codes.
        var short = [(symbol: UInt8, length: UInt8)](repeating: (0, 0), count: 256)

        init() {
            var code: UInt32 = 0
            for length in 1...longest {
                code <<= 1
                offsets[length] = Int(code) - symbols.count
                for symbol in lengths.indices where lengths[symbol] == length {
                    codes[symbol] = code
                    symbols.append(UInt16(symbol))
                    if length <= 8 {
                        let first = Int(code) << (8 - length)
                        for index in first..<first + 1 << (8 - length) {
                            short[index] = (UInt8(truncatingIfNeeded: symbol), UInt8(length))
                        }
                    }
                    code += 1
                }
                limits[length] = UInt64(code) << UInt64(32 - length)
            }
        }
    }

    private static let tables = Tables()

    /// - Returns: nil for invalid input: a truncated code, the end-of-string symbol, or padding other than fewer than
    ///   eight ones (RFC 7541 §5.2).
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        let tables = Self.tables
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 2)
        // The next bits, left-aligned; ones follow the last.
        var window: UInt64 = .max
        var available = 0
        var index = 0
        while true {
            while available <= 32, index < bytes.count {
                let shift = UInt64(56 - available)
                window = window & ~(0xFF << shift) | UInt64(bytes[index]) << shift
                available += 8
                index += 1
            }
            if available < 8, window == .max { return result }
            let next = tables.short[Int(window >> 56)]
            var length = Int(next.length)
            if length > 0 {
                guard length <= available else { return nil }
                result.append(next.symbol)
            } else {
                let left = window >> 32
                length = 9
                while length < longest, left >= tables.limits[length] { length += 1 }
                guard length <= available else { return nil }
                let place = Int(left >> UInt64(32 - length)) - tables.offsets[length]
                guard tables.symbols.indices.contains(place), tables.symbols[place] != endOfString else { return nil }
                result.append(UInt8(truncatingIfNeeded: tables.symbols[place]))
            }
            window = window << UInt64(length) | ((1 << UInt64(length)) - 1)
            available -= length
        }
    }

    /// The number of bytes that ``encode(_:to:)`` writes.
    static func encodedLength(_ bytes: some Sequence<UInt8>) -> Int {
        (bytes.reduce(0) { $0 + Int(lengths[Int($1)]) } + 7) / 8
    }

    static func encode(_ bytes: some Sequence<UInt8>, to out: inout ByteBuffer) {
        let tables = Self.tables
        var window: UInt64 = 0
        var count: UInt64 = 0
        for byte in bytes {
            let length = UInt64(lengths[Int(byte)])
            window = window << length | UInt64(tables.codes[Int(byte)])
            count += length
            while count >= 8 {
                count -= 8
                out.writeInteger(UInt8(truncatingIfNeeded: window >> count))
            }
        }
        if count > 0 {
            let padding = 8 - count
            out.writeInteger(UInt8(truncatingIfNeeded: window << padding | ((1 << padding) - 1)))
        }
    }
}

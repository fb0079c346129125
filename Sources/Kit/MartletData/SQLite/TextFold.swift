/// Compares texts case-insensitively: scalar by scalar in lower case, without building strings.
///
/// Texts are stored in NFC and need no normalization, so the cost is linear in the bytes.
enum TextFold {
    /// The lower case of each scalar below 0x10000, or the scalar itself. Computed by the first search.
    private static let basic: [UInt32] = (0..<0x1_0000).map { lowercased(UInt32($0)) }
    /// The same from Deseret to Adlam, the range of the remaining scripts with case.
    private static let supplementary: [UInt32] = (0x1_0400..<0x1_E944).map { lowercased(UInt32($0)) }

    @inline(__always)
    static func lower(ascii byte: UInt8) -> UInt32 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? UInt32(byte | 0x20) : UInt32(byte)
    }

    private static func lowercased(_ value: UInt32) -> UInt32 {
        guard let scalar = Unicode.Scalar(value), scalar.properties.changesWhenLowercased else { return value }
        // Only İ has a lower case of two scalars: i and a combining dot. Keep the i, which people type.
        return scalar.properties.lowercaseMapping.unicodeScalars.first?.value ?? value
    }

    /// Reads the scalars of UTF-8 in lower case. An invalid byte becomes a value above all scalars.
    struct Scalars {
        private let bytes: UnsafeBufferPointer<UInt8>
        private var index = 0
        private let basic: UnsafeBufferPointer<UInt32>
        private let supplementary: UnsafeBufferPointer<UInt32>

        fileprivate init(
            _ bytes: UnsafeBufferPointer<UInt8>, _ basic: UnsafeBufferPointer<UInt32>,
            _ supplementary: UnsafeBufferPointer<UInt32>
        ) {
            self.bytes = bytes
            self.basic = basic
            self.supplementary = supplementary
        }

        mutating func next() -> UInt32? {
            guard index < bytes.count else { return nil }
            let first = bytes[index]
            index += 1
            guard first >= 0x80 else { return lower(ascii: first) }
            let length = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1
            guard first >= 0xC2, first < 0xF5, index + length <= bytes.count else { return 0x11_0000 + UInt32(first) }
            var value = UInt32(first & (0x3F >> UInt8(length)))
            for offset in 0..<length {
                let byte = bytes[index + offset]
                guard byte & 0xC0 == 0x80 else { return 0x11_0000 + UInt32(first) }
                value = value << 6 | UInt32(byte & 0x3F)
            }
            index += length
            if value < 0x1_0000 { return basic[Int(value)] }
            let offset = Int(value) - 0x1_0400
            return offset >= 0 && offset < supplementary.count ? supplementary[offset] : value
        }
    }

    static func withScalars<Result>(
        of bytes: UnsafeBufferPointer<UInt8>, _ body: (inout Scalars) -> Result
    ) -> Result {
        basic.withUnsafeBufferPointer { basic in
            supplementary.withUnsafeBufferPointer { supplementary in
                var scalars = Scalars(bytes, basic, supplementary)
                return body(&scalars)
            }
        }
    }

    static func scalars(of bytes: UnsafeBufferPointer<UInt8>) -> [UInt32] {
        withScalars(of: bytes) { scalars in
            var all: [UInt32] = []
            all.reserveCapacity(bytes.count)
            while let scalar = scalars.next() { all.append(scalar) }
            return all
        }
    }

    /// Compares two texts by their scalars in lower case: negative, 0 or positive. Texts that differ only in case are
    /// equal.
    static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        withScalars(of: left) { left in
            withScalars(of: right) { right in
                while true {
                    switch (left.next(), right.next()) {
                    case (nil, nil): return 0
                    case (nil, _): return -1
                    case (_, nil): return 1
                    case (let one?, let other?): if one != other { return one < other ? -1 : 1 }
                    }
                }
            }
        }
    }
}

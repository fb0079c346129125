/// Percent-encoding (RFC 3986 §2.1).
public enum PercentEncoding {
    public enum DecodingError: Error {
        /// A `%` is not followed by two hexadecimal digits.
        case malformed
        case notUTF8
    }

    /// Decodes percent-encoded bytes such as `%41`, in one pass.
    /// - Parameters:
    ///   - plusIsSpace: whether `+` means a space, as in `application/x-www-form-urlencoded`.
    ///   - isLenient: whether a `%` without two digits stays as it is instead of being an error.
    ///   - keeps: returns whether a byte stays encoded.
    public static func decode(
        _ text: some Collection<UInt8>, plusIsSpace: Bool = false, isLenient: Bool = false,
        keeps: (UInt8) -> Bool = { _ in false }
    ) throws(DecodingError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte == UInt8(ascii: "+") && plusIsSpace ? UInt8(ascii: " ") : byte)
                continue
            }
            guard let high = rest.first.flatMap(Hexadecimal.value),
                let low = rest.dropFirst().first.flatMap(Hexadecimal.value)
            else {
                guard isLenient else { throw .malformed }
                bytes.append(byte)
                continue
            }
            let decoded = high << 4 | low
            if keeps(decoded) {
                bytes.append(byte)
                bytes.append(contentsOf: rest.prefix(2))
            } else {
                bytes.append(decoded)
            }
            rest = rest.dropFirst(2)
        }
        guard let result = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        return result
    }

    /// Encodes every byte except the unreserved characters (RFC 3986 §2.3). The result is valid in any part of a URL.
    public static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes.appendPercentEncoded(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends `%` and two upper-case digits (RFC 3986 §2.1).
    @inlinable
    public mutating func appendPercentEncoded(_ byte: UInt8) {
        append(0x25)
        append(Self.upperCaseDigit(byte >> 4))
        append(Self.upperCaseDigit(byte & 15))
    }

    @inlinable
    static func upperCaseDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x41 + value - 10 }
}

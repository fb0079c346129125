/// Percent-decoding (RFC 3986 §2.1) with the semantics of Envoy's transcoder.
enum PercentEncoding {
    /// - Parameter keepsReserved: keeps the reserved characters of RFC 3986 §2.2 encoded. Needed for values of several
    ///   segments, whose slashes would otherwise be ambiguous.
    /// - Returns: nil when the result is not UTF-8.
    static func decode(_ bytes: some Collection<UInt8>, keepsReserved: Bool = false) -> String? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), let high = rest.first.flatMap(digit),
                let low = rest.dropFirst().first.flatMap(digit)
            else {
                result.append(byte)
                continue
            }
            let value = high << 4 | low
            if keepsReserved, ":/?#[]@!$&'()*+,;=".utf8.contains(value) {
                result.append(byte)
                result.append(contentsOf: rest.prefix(2))
            } else {
                result.append(value)
            }
            rest = rest.dropFirst(2)
        }
        return String(validating: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

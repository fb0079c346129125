/// A JSON number, parsed exactly: `12`, `1.0` and `1e2` are integers, whatever their size.
struct DecimalText {
    private var isNegative = false
    /// Without leading or trailing zeros.
    private var digits: [UInt8] = []
    /// The power of ten to multiply the digits by.
    private var exponent = 0

    /// - Returns: nil for anything but a JSON number (RFC 8259 §6).
    init?(_ text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        func isDigit(_ byte: UInt8?) -> Bool {
            byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
        }
        if rest.first == UInt8(ascii: "-") {
            isNegative = true
            rest.removeFirst()
        }
        let whole = rest.prefix(while: isDigit)
        guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return nil }
        rest = rest.dropFirst(whole.count)
        digits = Array(whole)
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(1 + fraction.count)
            digits += fraction
            exponent = -fraction.count
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            let isBelow = rest.first == UInt8(ascii: "-")
            if isBelow || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
            guard !rest.isEmpty, rest.allSatisfy({ isDigit($0) }) else { return nil }
            var power = 0
            // Capped far beyond the range of any integer type.
            for digit in rest { power = min(1_000_000_000, power * 10 + Int(digit - UInt8(ascii: "0"))) }
            exponent += isBelow ? -power : power
            rest = []
        }
        guard rest.isEmpty else { return nil }
        let zeros = digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeLast(zeros)
        exponent += zeros
        digits.removeFirst(digits.prefix { $0 == UInt8(ascii: "0") }.count)
    }

    /// The value, if it is an integer in the type's range.
    func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
        guard !digits.isEmpty else { return 0 }
        guard exponent >= 0, digits.count + exponent <= 20 else { return nil }
        var magnitude: UInt64 = 0
        for digit in digits + Array(repeating: UInt8(ascii: "0"), count: exponent) {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflow, !overflowed else { return nil }
            magnitude = sum
        }
        guard isNegative else { return Value(exactly: magnitude) }
        // The minimum has no positive counterpart.
        if magnitude == Int64.min.magnitude { return Value(exactly: Int64.min) }
        return Int64(exactly: magnitude).flatMap { Value(exactly: -$0) }
    }
}

/// Reads integers from JSON numbers exactly: `5.0`, `5e0` and `0.5e1` are the integer 5, as in JSON Schema.
enum IntegerText {
    enum Failure: Error {
        case notAnInteger
        case outOfRange
    }

    /// Returns the value of a number in JSON's grammar. Takes time linear in the text, whatever the exponent.
    static func value(ofNumber text: String) throws(Failure) -> Int64 {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }

        // The significant digits, without zeros at either end, and the power of ten they are multiplied by.
        var digits: [UInt8] = []
        var zeros = 0
        var power = 0
        var isFraction = false
        var hasDigit = false
        while let byte = rest.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw .notAnInteger }
            hasDigit = true
            if isFraction { power -= 1 }
            let digit = byte - UInt8(ascii: "0")
            if digit == 0 {
                zeros += 1
                continue
            }
            if !digits.isEmpty { digits.append(contentsOf: repeatElement(0, count: zeros)) }
            zeros = 0
            digits.append(digit)
        }
        guard hasDigit else { throw .notAnInteger }
        power += zeros
        if !rest.isEmpty { power = try exponent(rest.dropFirst(), plus: power) }

        guard !digits.isEmpty else { return 0 }
        guard power >= 0 else { throw .notAnInteger }
        // Int64.max has 19 digits.
        guard digits.count <= 19, power <= 19 - digits.count else { throw .outOfRange }
        var value: Int64 = 0
        for digit in digits + Array(repeating: 0, count: power) {
            // Accumulate below zero: the negative range holds one more value.
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (difference, overflowed) = product.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !overflowed else { throw .outOfRange }
            value = difference
        }
        guard isNegative || value != .min else { throw .outOfRange }
        return isNegative ? value : -value
    }

    /// Returns the exponent plus `power`, clamped to a range that still decides whether the value fits in 64 bits.
    private static func exponent(_ text: Substring.UTF8View, plus power: Int) throws(Failure) -> Int {
        var rest = text
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard !rest.isEmpty else { throw .notAnInteger }
        var value = 0
        for byte in rest {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw .notAnInteger }
            value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 1 << 40)
        }
        return isNegative ? power - value : power + value
    }
}

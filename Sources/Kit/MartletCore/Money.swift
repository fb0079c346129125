/// An exact amount of money in hundredths of the currency's unit, 0 … 999,999,999,999.99.
///
/// Stored as an integer of minor units and written in JSON as a number with two decimal places (`18.00`), without
/// binary floating point. The upper bound keeps every amount exact even for clients that read JSON numbers as
/// doubles.
public struct Money: Hashable, Sendable, Comparable {
    /// The amount in hundredths.
    public let minorUnits: Int64

    public static let zero = Money(unchecked: 0)
    public static let maximum = Money(unchecked: 99_999_999_999_999)

    /// - Returns: nil when the amount is outside 0 … ``maximum``.
    public init?(minorUnits: Int64) {
        guard (0...Self.maximum.minorUnits).contains(minorUnits) else { return nil }
        self.minorUnits = minorUnits
    }

    private init(unchecked minorUnits: Int64) { self.minorUnits = minorUnits }

    public static func < (left: Self, right: Self) -> Bool { left.minorUnits < right.minorUnits }
}

extension Money {
    /// The reason a text is not an amount of money.
    public enum ParseError: Error, Sendable, Equatable {
        case notANumber, negative, tooLarge, tooManyDecimals
    }

    /// Reads a decimal number exactly, without rounding: `18`, `18.5`, `18.00`, `1.8e1`.
    public init(decimal text: some StringProtocol) throws(ParseError) {
        var digits = [UInt8]()
        var exponent = 0
        var negative = false
        var bytes = text.utf8.makeIterator()
        var next = bytes.next()
        if next == UInt8(ascii: "-") {
            negative = true
            next = bytes.next()
        }
        var seenPoint = false
        var seenDigit = false
        while let byte = next, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                seenDigit = true
                digits.append(byte - UInt8(ascii: "0"))
                if seenPoint { exponent -= 1 }
                guard digits.count <= 64 else { throw .notANumber }
            case UInt8(ascii: ".") where !seenPoint && seenDigit:
                seenPoint = true
            default:
                throw .notANumber
            }
            next = bytes.next()
        }
        guard seenDigit, !(seenPoint && exponent == 0) else { throw .notANumber }
        if next != nil {
            var exponentText = ""
            while let byte = bytes.next() { exponentText.unicodeScalars.append(Unicode.Scalar(byte)) }
            guard exponentText.utf8.count <= 4, let value = Int(exponentText) else { throw .notANumber }
            exponent += value
        }
        try self.init(digits: digits, exponent: exponent, negative: negative)
    }

    private init(digits: [UInt8], exponent: Int, negative: Bool) throws(ParseError) {
        var digits = digits[...]
        while digits.first == 0 { digits.removeFirst() }
        guard !digits.isEmpty else {
            self = .zero
            return
        }
        if negative { throw .negative }
        var shift = exponent + 2  // in hundredths
        while shift < 0, digits.last == 0 {
            digits.removeLast()
            shift += 1
        }
        guard shift >= 0 else { throw .tooManyDecimals }
        guard digits.count + shift <= 14 else { throw .tooLarge }
        var value: Int64 = 0
        for digit in digits { value = value * 10 + Int64(digit) }
        for _ in 0..<shift { value *= 10 }
        self.init(unchecked: value)
    }
}

extension Money: CustomStringConvertible {
    /// The amount with exactly two decimal places: `18.00`.
    public var description: String {
        let cents = minorUnits % 100
        return "\(minorUnits / 100).\(cents < 10 ? "0" : "")\(cents)"
    }
}

/// Other coders encode the amount as a decimal string. Martlet's own JSON and row coders handle `Money` natively.
extension Money: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            self = try Money(decimal: container.decode(String.self))
        } catch let error as ParseError {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an amount of money: \(error)")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

import MartletCore

/// Seconds and nanoseconds of a `google.protobuf.Timestamp` or `google.protobuf.Duration`.
struct TimeParts: Equatable {
    var seconds: Int64
    var nanoseconds: Int32
}

/// The text form of `google.protobuf.Timestamp`: RFC 3339 in UTC, with 0, 3, 6 or 9 fractional digits.
enum TimestampText {
    /// The years 0001 to 9999.
    private static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    static func parse(_ text: some StringProtocol) -> TimeParts? {
        var scanner = DigitScanner(text.utf8)
        guard let date = scanner.date(), scanner.take("T"), let hour = scanner.number(digits: 2), hour < 24,
            scanner.take(":"), let minute = scanner.number(digits: 2), minute < 60, scanner.take(":"),
            let second = scanner.number(digits: 2), second < 60
        else { return nil }
        var nanoseconds = 0
        if scanner.take(".") {
            guard let fraction = scanner.fraction(digits: 9), Fraction.count(in: text) <= 9 else { return nil }
            nanoseconds = fraction
        }
        var offset = 0
        if !scanner.take("Z") {
            let sign: Int
            if scanner.take("+") { sign = 1 } else if scanner.take("-") { sign = -1 } else { return nil }
            guard let hours = scanner.number(digits: 2), hours < 24, scanner.take(":"),
                let minutes = scanner.number(digits: 2), minutes < 60
            else { return nil }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        let seconds = date.daysSince1970 * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
        guard scanner.atEnd, range.contains(seconds) else { return nil }
        return TimeParts(seconds: seconds, nanoseconds: Int32(nanoseconds))
    }

    /// - Returns: nil for a time outside the range.
    static func text(_ parts: TimeParts) -> String? {
        guard range.contains(parts.seconds), (0..<1_000_000_000).contains(parts.nanoseconds) else { return nil }
        let days = parts.seconds >= 0 ? parts.seconds / 86_400 : (parts.seconds - 86_399) / 86_400
        let second = Int(parts.seconds - days * 86_400)
        let date = CivilDate(daysSince1970: days)
        return "\(date)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
            + "\(Fraction.text(parts.nanoseconds))Z"
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

/// The text form of `google.protobuf.Duration`: seconds with 0, 3, 6 or 9 fractional digits, followed by `s`.
enum DurationText {
    /// About 10,000 years in either direction.
    private static let limit: Int64 = 315_576_000_000

    static func parse(_ text: some StringProtocol) -> TimeParts? {
        // The longest valid text has 25 bytes.
        guard text.utf8.count <= 32, text.last == "s" else { return nil }
        var digits = text.dropLast()[...]
        let isNegative = digits.first == "-"
        if isNegative { digits = digits.dropFirst() }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, (1...12).contains(whole.utf8.count), whole.utf8.allSatisfy(Fraction.isDigit),
            let seconds = Int64(whole), seconds <= limit
        else { return nil }
        var nanoseconds: Int32 = 0
        if parts.count > 1 {
            let fraction = parts[1]
            guard (1...9).contains(fraction.utf8.count), fraction.utf8.allSatisfy(Fraction.isDigit),
                let value = Int32(fraction + String(repeating: "0", count: 9 - fraction.utf8.count))
            else { return nil }
            nanoseconds = value
        }
        guard seconds < limit || nanoseconds == 0 else { return nil }
        return TimeParts(seconds: isNegative ? -seconds : seconds, nanoseconds: isNegative ? -nanoseconds : nanoseconds)
    }

    /// - Returns: nil for an invalid duration: out of range, or with parts of opposite sign.
    static func text(_ parts: TimeParts) -> String? {
        guard (-limit...limit).contains(parts.seconds), (-999_999_999...999_999_999).contains(parts.nanoseconds),
            parts.seconds <= 0 || parts.nanoseconds >= 0, parts.seconds >= 0 || parts.nanoseconds <= 0
        else { return nil }
        let sign = parts.seconds < 0 || parts.nanoseconds < 0 ? "-" : ""
        return "\(sign)\(parts.seconds.magnitude)\(Fraction.text(Int32(parts.nanoseconds.magnitude)))s"
    }
}

/// The fraction of a second.
enum Fraction {
    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The number of digits after the first point.
    static func count(in text: some StringProtocol) -> Int {
        text.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst().prefix(while: isDigit).count
    }

    static func text(_ nanoseconds: Int32) -> String {
        guard nanoseconds > 0 else { return "" }
        var digits = String(nanoseconds)
        digits = String(repeating: "0", count: max(0, 9 - digits.utf8.count)) + digits
        while digits.hasSuffix("000") { digits.removeLast(3) }
        return "." + digits
    }
}

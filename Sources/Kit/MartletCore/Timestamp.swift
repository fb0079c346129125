/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z, within the years 0001 … 9999.
///
/// Its text form everywhere (JSON, SQLite, logs) is RFC 3339 with six fractional digits and `Z`:
/// `2026-11-21T00:33:26.123456Z`. The fixed width makes texts sort chronologically.
public struct Timestamp: Hashable, Sendable, Comparable {
    public let microseconds: Int64

    /// Clamped to the years 0001 … 9999.
    public init(microseconds: Int64) {
        self.microseconds = min(max(microseconds, Self.range.lowerBound), Self.range.upperBound)
    }

    private static let range: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// Returns the moment `seconds` later, or earlier if negative, clamped to the supported range.
    public func advanced(bySeconds seconds: Int64) -> Timestamp {
        let (delta, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return Timestamp(microseconds: seconds < 0 ? .min : .max) }
        let (sum, overflowed) = microseconds.addingReportingOverflow(delta)
        return Timestamp(microseconds: overflowed ? (seconds < 0 ? .min : .max) : sum)
    }

    /// Whole seconds since 1970, rounded down: the `NumericDate` of RFC 7519.
    public var secondsSince1970: Int64 {
        microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
    }
}

extension Timestamp {
    /// Returns this moment, or one microsecond after `previous` if the clock has not advanced or was set back. Versions
    /// of a row therefore always differ and always increase.
    public func next(after previous: Timestamp) -> Timestamp {
        max(self, Timestamp(microseconds: previous.microseconds + 1))
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String {
        String(unsafeUninitializedCapacity: 27) { buffer in
            write(to: buffer)
            return 27
        }
    }

    /// Writes the 27 ASCII bytes of the RFC 3339 form.
    /// - Precondition: `buffer` holds at least 27 bytes.
    func write(to buffer: UnsafeMutableBufferPointer<UInt8>) {
        let seconds = secondsSince1970
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let date = CivilDate(daysSince1970: days)
        let second = Int(seconds - days * 86_400)
        func put(_ value: Int, digits: Int, at offset: Int) {
            var value = value
            for index in stride(from: offset + digits - 1, through: offset, by: -1) {
                buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
                value /= 10
            }
        }
        put(date.year, digits: 4, at: 0)
        put(date.month, digits: 2, at: 5)
        put(date.day, digits: 2, at: 8)
        put(second / 3600, digits: 2, at: 11)
        put(second / 60 % 60, digits: 2, at: 14)
        put(second % 60, digits: 2, at: 17)
        put(Int(microseconds - seconds * 1_000_000), digits: 6, at: 20)
        buffer[4] = UInt8(ascii: "-")
        buffer[7] = UInt8(ascii: "-")
        buffer[10] = UInt8(ascii: "T")
        buffer[13] = UInt8(ascii: ":")
        buffer[16] = UInt8(ascii: ":")
        buffer[19] = UInt8(ascii: ".")
        buffer[26] = UInt8(ascii: "Z")
    }
}

extension Timestamp {
    /// Reads RFC 3339 (`2026-11-21T00:33:26Z`, with a fraction, with an offset) and the form PostgreSQL prints
    /// (`2026-11-21 00:33:26.123456+00`). Digits beyond microseconds are dropped.
    /// - Returns: nil for anything else.
    public init?(_ text: some StringProtocol) {
        var scanner = DigitScanner(text.utf8)
        guard let date = scanner.date(), scanner.take("T") || scanner.take("t") || scanner.take(" "),
            let hour = scanner.number(digits: 2), hour < 24, scanner.take(":"),
            let minute = scanner.number(digits: 2), minute < 60, scanner.take(":"),
            let second = scanner.number(digits: 2), second < 61
        else { return nil }
        var fraction = 0
        if scanner.take(".") {
            guard let value = scanner.fraction(digits: 6) else { return nil }
            fraction = value
        }
        var offset = 0
        if !(scanner.take("Z") || scanner.take("z")) {
            let sign: Int
            if scanner.take("+") { sign = 1 } else if scanner.take("-") { sign = -1 } else { return nil }
            guard let hours = scanner.number(digits: 2), hours < 24 else { return nil }
            var minutes = 0
            if scanner.take(":") {
                guard let value = scanner.number(digits: 2), value < 60 else { return nil }
                minutes = value
            }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard scanner.atEnd else { return nil }
        let seconds = Int(date.daysSince1970) * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(microseconds: Int64(seconds) * 1_000_000 + Int64(fraction))
    }
}

extension Timestamp: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.text(orSay: "not an RFC 3339 time") { Self($0) }
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}

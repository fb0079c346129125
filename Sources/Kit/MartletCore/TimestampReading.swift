extension Timestamp {
    /// Reads a time in RFC 3339, a time without seconds (`2026-11-27T08:00`) or a date alone (`2026-11-27`, midnight).
    /// The offset is `Z`, `+08:00`, `+0800` or `+08`. Default: UTC.
    /// - Parameter isDecodedQuery: whether a space before the offset is read as an unescaped `+`, which
    ///   `application/x-www-form-urlencoded` decodes to a space.
    /// - Returns: nil for anything else, and for times outside the years 0001 … 9999.
    public init?(written text: some StringProtocol, isDecodedQuery: Bool = false) {
        // No valid time is longer. This also bounds the digits of a fraction.
        guard text.utf8.count <= 64 else { return nil }
        var scanner = DigitScanner(text.utf8)
        guard let date = scanner.date() else { return nil }
        var seconds = Int64(date.daysSince1970) * 86_400
        var fraction = 0
        if !scanner.atEnd {
            guard scanner.take("T") || scanner.take("t") || scanner.take(" "),
                let hour = scanner.number(digits: 2), hour < 24, scanner.take(":"),
                let minute = scanner.number(digits: 2), minute < 60
            else { return nil }
            seconds += Int64(hour * 3600 + minute * 60)
            if scanner.take(":") {
                // 60 is a leap second (RFC 3339 §5.6).
                guard let second = scanner.number(digits: 2), second < 61 else { return nil }
                seconds += Int64(second)
                if scanner.take(".") {
                    guard let value = scanner.fraction(digits: 6) else { return nil }
                    fraction = value
                }
            }
            guard let offset = scanner.offset(isDecodedQuery: isDecodedQuery) else { return nil }
            seconds -= Int64(offset)
        }
        guard scanner.atEnd else { return nil }
        self.init(microseconds: seconds * 1_000_000 + Int64(fraction))
    }
}

extension DigitScanner {
    /// The offset from UTC in seconds. Default: 0.
    fileprivate mutating func offset(isDecodedQuery: Bool) -> Int? {
        if atEnd || take("Z") || take("z") { return 0 }
        let sign: Int
        if take("+") || (isDecodedQuery && take(" ")) {
            sign = 1
        } else if take("-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = number(digits: 2), hours < 24 else { return nil }
        var minutes = 0
        if take(":") {
            guard let value = number(digits: 2), value < 60 else { return nil }
            minutes = value
        } else if !atEnd {
            guard let value = number(digits: 2), value < 60 else { return nil }
            minutes = value
        }
        return sign * (hours * 3600 + minutes * 60)
    }
}

extension Timestamp {
    /// Reads a time as people and programs write it: RFC 3339; without seconds (`2026-11-27T08:00`); a day alone
    /// (`2026-11-27`, its first moment). The offset is `Z`, `+08:00`, `+0800` or `+08`; without one the time is UTC.
    /// - Parameter isDecodedQuery: whether a blank before an offset is a `+` that nobody has escaped: `+` is a blank in
    ///   `application/x-www-form-urlencoded`.
    /// - Returns: nil for anything else, and for what is outside the years 0001 … 9999.
    public init?(written text: some StringProtocol, isDecodedQuery: Bool = false) {
        // Longer than any time is; also keeps the digits of a fraction few.
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
    /// The offset from UTC in seconds; 0 where none is given.
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

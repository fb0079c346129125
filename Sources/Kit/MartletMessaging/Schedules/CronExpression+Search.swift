import MartletCore

extension CronExpression {
    /// The last year whose times are searched. Wall clocks east of Greenwich reach it before the end of 9999.
    private static let lastYear = 10_000

    /// The first time of the wall clock, at or after a time of it, that matches.
    /// - Parameters:
    ///   - time: seconds since 1970-01-01 00:00 on the wall clock, within the years 0000 … 10000.
    ///   - steps: increased by the number of months looked at: at most 482, because every date falls on every day of the week
    ///     within 40 years.
    /// - Returns: nil when nothing matches until the end of year 10000.
    func firstTime(atOrAfter time: Int64, steps: inout Int) -> Int64? {
        let minute = time.floored(by: 60) + (time.remainder(by: 60) == 0 ? 0 : 1)
        let today = minute.floored(by: 1440)
        guard var day = firstDay(atOrAfter: today, steps: &steps), let first = firstMinute(atOrAfter: 0) else {
            return nil
        }
        if day == today {
            if let later = firstMinute(atOrAfter: minute.remainder(by: 1440)) { return day * 86_400 + later * 60 }
            guard let next = firstDay(atOrAfter: today + 1, steps: &steps) else { return nil }
            day = next
        }
        return day * 86_400 + first * 60
    }

    /// The first matching minute of a day.
    private func firstMinute(atOrAfter minute: Int64) -> Int64? {
        let hour = minute / 60
        if hours >> UInt64(hour) & 1 == 1, let found = minutes.lowestBit(from: minute % 60) { return hour * 60 + found }
        guard let next = hours.lowestBit(from: hour + 1), let first = minutes.lowestBit(from: 0) else { return nil }
        return next * 60 + first
    }

    /// The first matching day, as days since 1970-01-01.
    private func firstDay(atOrAfter day: Int64, steps: inout Int) -> Int64? {
        let date = CivilDate(daysSince1970: day)
        var (year, month, from) = (date.year, date.month, date.day)
        var first = day - Int64(date.day - 1)
        while year <= Self.lastYear {
            steps += 1
            let length = CivilDate.days(in: month, of: year)
            if months >> UInt64(month) & 1 == 1,
                let found = days(startingOn: (first + 4).remainder(by: 7), length: length).lowestBit(from: Int64(from))
            {
                return first + found - 1
            }
            first += Int64(length)
            (year, month, from) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
        }
        return nil
    }

    /// The matching days of a month, as bits.
    /// - Parameter weekday: that of its first day. Sunday is 0.
    private func days(startingOn weekday: Int64, length: Int) -> UInt64 {
        // Five weeks from the first day on, which becomes bit 1.
        let week = (daysOfWeek >> UInt64(weekday) | daysOfWeek << UInt64(7 - weekday)) & 0x7F
        let ofWeek = (week | week << 7 | week << 14 | week << 21 | week << 28) << 1
        let days = eitherDayMatches ? daysOfMonth | ofWeek : daysOfMonth & ofWeek
        return days & ((2 << UInt64(length)) - 2)
    }
}

extension UInt64 {
    /// The lowest set bit that is not below another.
    fileprivate func lowestBit(from bit: Int64) -> Int64? {
        let rest = bit < 64 ? self >> UInt64(bit) : 0
        return rest == 0 ? nil : bit + Int64(rest.trailingZeroBitCount)
    }
}

extension Int64 {
    /// The quotient, rounded down.
    fileprivate func floored(by divisor: Int64) -> Int64 { (self - remainder(by: divisor)) / divisor }

    /// The remainder of ``floored(by:)``: never negative.
    fileprivate func remainder(by divisor: Int64) -> Int64 { (self % divisor + divisor) % divisor }
}

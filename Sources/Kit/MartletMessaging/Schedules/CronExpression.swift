import MartletCore

/// Times of a wall clock, written as in crontab(5): minute, hour, day of month, month, day of week.
///
/// A field is a list of items: `*`, a number, a range (`1-5`), or one of the last with a step (`*/15`, `8-18/2`). Months and
/// days of the week also have names (`JAN`, `sun`); both 0 and 7 are Sunday. When neither day field begins with `*`, a day
/// that matches one of them matches. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` stand for the beginning of the
/// hour, day, week (Sunday), month and year.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
    /// The expression, with single spaces.
    public let description: String
    // Bit n stands for the number n.
    let minutes: UInt64
    let hours: UInt64
    let daysOfMonth: UInt64
    let months: UInt64
    /// Sunday is bit 0.
    let daysOfWeek: UInt64
    /// Whether a day needs to match only one of its two fields.
    let eitherDayMatches: Bool
    /// Whether the expression names hours, so that each of its times occurs once, whatever daylight saving time does.
    let hasFixedHours: Bool

    /// - Throws: ``CronError`` for a text that is no expression, and for an expression that never matches.
    public init(_ text: String) throws(CronError) {
        // Every list without repetition is shorter.
        guard text.utf8.count <= 1000 else { throw CronError("a cron expression has at most 1,000 bytes") }
        let words = text.split(whereSeparator: \.isWhitespace).map { String($0) }
        var fields = words
        if let name = words.first, name.hasPrefix("@") {
            fields = try Self.fields(of: name, isAlone: words.count == 1)
        }
        guard fields.count == 5 else { throw .wrongCount(fields.count, in: text) }

        let minute = try CronField.minute.parse(fields[0])
        let hour = try CronField.hour.parse(fields[1])
        let dayOfMonth = try CronField.dayOfMonth.parse(fields[2])
        let month = try CronField.month.parse(fields[3])
        let dayOfWeek = try CronField.dayOfWeek.parse(fields[4])
        description = words.joined(separator: " ")
        minutes = minute.numbers
        hours = hour.numbers
        daysOfMonth = dayOfMonth.numbers
        months = month.numbers
        daysOfWeek = dayOfWeek.numbers
        eitherDayMatches = dayOfMonth.isRestricted && dayOfWeek.isRestricted
        hasFixedHours = hour.isRestricted && hour.numbers != CronField.hour.all
        // Every date, even February 29, falls on every day of the week in some year. So only short months can be in the way.
        guard eitherDayMatches || hasDay else {
            throw CronError(
                "'\(CronError.quotable(description))' never matches: no month of '\(CronError.quotable(fields[3]))' has a day "
                    + "of '\(CronError.quotable(fields[2]))'")
        }
    }

    private var hasDay: Bool {
        (1...12).contains { month in
            // A leap year.
            let days = CivilDate.days(in: month, of: 2000)
            return months >> UInt64(month) & 1 == 1 && daysOfMonth & ((2 << UInt64(days)) - 1) != 0
        }
    }

    private static let names: KeyValuePairs = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *", "@midnight": "0 0 * * *", "@annually": "0 0 1 1 *",
    ]

    private static func fields(of name: String, isAlone: Bool) throws(CronError) -> [String] {
        guard let fields = names.first(where: { $0.key == name.lowercased() })?.value else {
            throw CronError(
                "'\(CronError.quotable(name))' is not one of @hourly, @daily, @weekly, @monthly, @yearly."
                    + Suggestion.hint(for: name, among: names.map(\.key)))
        }
        guard isAlone else { throw CronError("'\(name)' stands alone, without fields after it") }
        return fields.split(separator: " ").map { String($0) }
    }
}

/// The reason a schedule is invalid. `description` is one line.
public struct CronError: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    static func wrongCount(_ count: Int, in text: String) -> CronError {
        let found = count == 0 ? "is empty" : "has \(count) field\(count == 1 ? "" : "s")"
        return CronError(
            "'\(quotable(text))' \(found); a cron expression has 5: minute, hour, day of month, month, day of week, as in "
                + "'30 8 * * MON-FRI'")
    }

    /// A text from outside as part of a line.
    static func quotable(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.clipped().unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: line.append("\u{FFFD}")
            default: line.append(scalar)
            }
        }
        return String(line)
    }
}

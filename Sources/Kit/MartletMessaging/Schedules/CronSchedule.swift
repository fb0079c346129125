public import MartletCore

/// The moments at which a ``CronExpression`` matches the wall clock of a time zone: its slots.
///
/// Daylight saving time neither loses nor doubles a slot:
/// - An expression with fixed hours (`30 2 * * *`) has one slot for each of its times. A time that the clocks skip has its slot
///   at the end of the gap; a time that they show twice has it the first time.
/// - An expression whose hours begin with `*` (`*/15 * * * *`) follows the clocks: it has a slot whenever they show one of its
///   times.
///
/// As in cron(8) and systemd.time(7). Several skipped times share the slot at the end of the gap.
public struct CronSchedule: Sendable, CustomStringConvertible {
    public let expression: CronExpression
    /// The name of the zone in the time zone database.
    public let timeZone: String
    let offsets: ZoneOffsets

    /// - Parameter timeZone: a name such as `Europe/Berlin`.
    /// - Throws: ``CronError`` for an unknown time zone.
    public init(_ expression: CronExpression, timeZone: String = "UTC") throws(CronError) {
        self.init(expression, timeZone: timeZone, offsets: try .named(timeZone))
    }

    init(_ expression: CronExpression, timeZone: String, offsets: ZoneOffsets) {
        self.expression = expression
        self.timeZone = timeZone
        self.offsets = offsets
    }

    public var description: String { "\(expression) \(timeZone)" }

    /// The first slot after a moment.
    /// - Returns: nil when there is none before the year 10000.
    public func next(after time: Timestamp) -> Timestamp? {
        var steps = 0
        return next(after: time.secondsSince1970, steps: &steps).map(Self.timestamp)
    }

    /// The last slot until a moment, including it.
    /// - Returns: nil when there is none since the year 1.
    public func latest(atOrBefore time: Timestamp) -> Timestamp? {
        var steps = 0
        return latest(atOrBefore: time.secondsSince1970, steps: &steps).map(Self.timestamp)
    }

    private static func timestamp(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }
}

// Moments in seconds since 1970, and times of the wall clock in the seconds that it shows since 1970-01-01 00:00.
extension CronSchedule {
    private static let first = Timestamp(microseconds: .min).secondsSince1970
    private static let last = Timestamp(microseconds: .max).secondsSince1970
    /// More than two offsets of one zone have ever differed.
    private static let twoDays: Int64 = 2 * 86_400

    /// - Parameter steps: increased by the number of months looked at.
    func next(after moment: Int64, steps: inout Int) -> Int64? {
        let found =
            expression.hasFixedHours
            ? nextReached(after: moment, steps: &steps) : nextShown(after: moment, steps: &steps)
        return found.flatMap { $0 <= Self.last ? $0 : nil }
    }

    /// The next moment at which the clocks reach a time for the first time, or pass it in a gap.
    private func nextReached(after moment: Int64, steps: inout Int) -> Int64? {
        // The first time that has not been reached: later than the clocks show, and than they have shown before a change back.
        var time = moment + offsets.offset(moment) + 1
        var start = moment - Self.twoDays
        while let change = offsets.firstChange(after: start, through: moment) {
            time = max(time, change.time + change.before)
            start = change.time
        }
        return expression.firstTime(atOrAfter: time, steps: &steps).map(moment(reaching:))
    }

    private func moment(reaching time: Int64) -> Int64 {
        var start = time - ZoneOffsets.farthest
        var offset = offsets.offset(start)
        while let change = offsets.firstChange(after: start, through: time + ZoneOffsets.farthest) {
            if time - change.before < change.time { break }
            if time - change.after < change.time { return change.time }
            (start, offset) = (change.time, change.after)
        }
        return time - offset
    }

    /// The next moment at which the clocks show a time.
    private func nextShown(after moment: Int64, steps: inout Int) -> Int64? {
        var start = moment + 1
        while start <= Self.last {
            let offset = offsets.offset(start)
            guard let time = expression.firstTime(atOrAfter: start + offset, steps: &steps) else { return nil }
            let candidate = time - offset
            // A change before the candidate may show the time earlier, later or not at all.
            let isNear = candidate - start <= 2 * Self.twoDays
            if let change = offsets.firstChange(after: start, through: isNear ? candidate : start + Self.twoDays) {
                start = change.time
            } else if isNear {
                return candidate
            } else {
                // Changes in between do not matter: the clocks then show times between those of the two ends.
                start = candidate - Self.twoDays
            }
        }
        return nil
    }

    /// Searches between a moment with a slot after it and the end, halving the distance.
    func latest(atOrBefore end: Int64, steps: inout Int) -> Int64? {
        var latest: Int64?
        var (start, distance, none) = (end, Int64(60), end)
        while latest == nil {
            guard start >= Self.first else { return nil }
            (none, start, distance) = (start, max(end - distance, Self.first - 1), distance * 4)
            if let slot = next(after: start, steps: &steps), slot <= end { latest = slot }
        }
        // No slot is later than `none`.
        while let slot = latest, none - slot > 1 {
            let middle = slot + (none - slot) / 2
            if let later = next(after: middle, steps: &steps), later <= end { latest = later } else { none = middle }
        }
        return latest
    }
}

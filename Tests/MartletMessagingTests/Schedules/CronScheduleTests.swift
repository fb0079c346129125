import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletMessaging

extension CronSchedule {
    /// The first slots after a time, without the fractions of seconds.
    func slots(after start: String, count: Int) throws -> [String] {
        var time = try #require(Timestamp(start))
        return try (0..<count).map { _ in
            time = try #require(next(after: time))
            return time.description.replacing(".000000Z", with: "Z")
        }
    }
}

@Suite struct CronScheduleTests {
    private func slots(_ text: String, _ zone: String, after start: String, count: Int) throws -> [String] {
        try CronSchedule(CronExpression(text), timeZone: zone).slots(after: start, count: count)
    }

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    struct Case: Sendable, CustomTestStringConvertible {
        let text: String, zone: String, start: String, slots: [String]

        init(_ text: String, _ zone: String, after start: String, _ slots: String...) {
            (self.text, self.zone, self.start, self.slots) = (text, zone, start, slots)
        }

        var testDescription: String { "\(text) \(zone) after \(start)" }
    }

    // In the comments: the change of the clocks.
    @Test(arguments: [
        // 2026-03-29 01:00Z: 02:00 → 03:00
        Case(
            "30 2 * * *", "Europe/Berlin", after: "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"
        ),
        Case(
            "0,30 2,3 * * *", "Europe/Berlin", after: "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z",
            "2026-03-29T01:30:00Z"),
        Case(
            "0 2 29 3 *", "Europe/Berlin", after: "2026-03-01T00:00:00Z", "2026-03-29T01:00:00Z", "2027-03-29T00:00:00Z"
        ),
        // 2026-03-08 07:00Z: 02:00 → 03:00
        Case(
            "30 2 * * *", "America/New_York", after: "2026-03-08T00:00:00Z", "2026-03-08T07:00:00Z",
            "2026-03-09T06:30:00Z"),
        // 2026-10-03 15:30Z: 02:00 → 02:30
        Case(
            "15 2 * * *", "Australia/Lord_Howe", after: "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z",
            "2026-10-04T15:15:00Z"),
        // 2018-11-04 03:00Z: 00:00 → 01:00
        Case(
            "0 0 * * *", "America/Sao_Paulo", after: "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z"),
        Case(
            "@daily", "America/Sao_Paulo", after: "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"
        ),
        // 2011-12-30 10:00Z: the 30th 00:00 → the 31st 00:00
        Case(
            "0 9 * * *", "Pacific/Apia", after: "2011-12-29T12:00:00Z", "2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z",
            "2011-12-30T19:00:00Z"),
        Case(
            "0 12 30 12 *", "Pacific/Apia", after: "2011-01-01T00:00:00Z", "2011-12-30T10:00:00Z",
            "2012-12-29T22:00:00Z"),
    ])
    func skippedTimesRunOnceAtTheEndOfTheGap(_ example: Case) throws {
        let found = try slots(example.text, example.zone, after: example.start, count: example.slots.count)
        #expect(found == example.slots)
    }

    @Test(arguments: [
        // 2026-10-25 01:00Z: 03:00 → 02:00
        Case(
            "30 2 * * *", "Europe/Berlin", after: "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"
        ),
        Case(
            "0 3 * * *", "Europe/Berlin", after: "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"),
        Case(
            "*/30 2 * * *", "Europe/Berlin", after: "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:00:00Z"),
        // A start within the repeated hour.
        Case("30 2 * * *", "Europe/Berlin", after: "2026-10-25T01:15:00Z", "2026-10-26T01:30:00Z"),
        // 2026-11-01 06:00Z: 02:00 → 01:00
        Case(
            "30 1 * * *", "America/New_York", after: "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z",
            "2026-11-02T06:30:00Z"),
        // 2026-04-04 15:00Z: 02:00 → 01:30
        Case(
            "45 1 * * *", "Australia/Lord_Howe", after: "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z",
            "2026-04-05T15:15:00Z"),
        // 2018-02-18 02:00Z: 00:00 → 23:00 of the day before
        Case(
            "30 23 * * *", "America/Sao_Paulo", after: "2018-02-17T12:00:00Z", "2018-02-18T01:30:00Z",
            "2018-02-19T02:30:00Z"),
        Case(
            "0 0 * * *", "America/Sao_Paulo", after: "2018-02-17T12:00:00Z", "2018-02-18T03:00:00Z",
            "2018-02-19T03:00:00Z"),
        // 1969-09-30 13:00Z: the 1st 00:00 → the day before 01:00
        Case(
            "0 9 * * *", "Pacific/Kwajalein", after: "1969-09-29T20:00:00Z", "1969-09-29T22:00:00Z",
            "1969-10-01T21:00:00Z"),
    ])
    func repeatedTimesRunOnceAtTheFirst(_ example: Case) throws {
        let found = try slots(example.text, example.zone, after: example.start, count: example.slots.count)
        #expect(found == example.slots)
    }

    @Test(arguments: [
        Case(
            "30 * * * *", "Europe/Berlin", after: "2026-10-24T23:59:00Z", "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z"),
        Case(
            "30 0-23 * * *", "Europe/Berlin", after: "2026-10-24T23:59:00Z", "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z"),
        Case(
            "30 * * * *", "Europe/Berlin", after: "2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"
        ),
        // 02:00 does not exist.
        Case(
            "0 */2 * * *", "Europe/Berlin", after: "2026-03-28T22:30:00Z", "2026-03-28T23:00:00Z",
            "2026-03-29T02:00:00Z"),
        Case(
            "*/30 * * * *", "Australia/Lord_Howe", after: "2026-04-04T14:00:00Z", "2026-04-04T14:30:00Z",
            "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"),
        Case(
            "0 * 31 12 *", "Pacific/Apia", after: "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"
        ),
        Case(
            "0 * 30 12 *", "Pacific/Apia", after: "2011-12-01T00:00:00Z", "2012-12-29T10:00:00Z", "2012-12-29T11:00:00Z"
        ),
    ])
    func wildcardHoursFollowTheClocks(_ example: Case) throws {
        let found = try slots(example.text, example.zone, after: example.start, count: example.slots.count)
        #expect(found == example.slots)
    }

    @Test func zonesHaveTheirOffsets() throws {
        #expect(
            try slots("0 9 * * *", "Asia/Kolkata", after: "2026-11-21T00:00:00Z", count: 1) == ["2026-11-21T03:30:00Z"])
        #expect(try slots("0 9 * * *", "UTC", after: "2026-11-21T00:00:00Z", count: 1) == ["2026-11-21T09:00:00Z"])
        // The rules in force go on.
        #expect(
            try slots("0 9 * * *", "Europe/Berlin", after: "9000-07-01T00:00:00Z", count: 1) == ["9000-07-01T07:00:00Z"]
        )
        #expect(
            try slots("0 9 * * *", "Europe/Berlin", after: "9000-01-01T00:00:00Z", count: 1) == ["9000-01-01T08:00:00Z"]
        )
        // Local mean time, 53:28 minutes.
        #expect(
            try slots("0 9 * * *", "Europe/Berlin", after: "1800-01-01T00:00:00Z", count: 1) == ["1800-01-01T08:06:32Z"]
        )
    }

    @Test(arguments: [
        (
            "Europe/Berlim",
            "unknown time zone 'Europe/Berlim'; expected a name such as 'Europe/Berlin' or 'UTC'. Did you mean 'Europe/Berlin'?"
        ),
        (
            "europe/berlin",
            "unknown time zone 'europe/berlin'; expected a name such as 'Europe/Berlin' or 'UTC'. Did you mean 'Europe/Berlin'?"
        ),
        ("", "unknown time zone ''; expected a name such as 'Europe/Berlin' or 'UTC'."),
        ("../Berlin\n", "unknown time zone '../Berlin\u{FFFD}'; expected a name such as 'Europe/Berlin' or 'UTC'."),
    ])
    func unknownZonesAreNamed(zone: String, message: String) throws {
        let error = #expect(throws: CronError.self) { try CronSchedule(CronExpression("@daily"), timeZone: zone) }
        #expect(error?.description == message)
    }

    @Test func latestIncludesTheMoment() throws {
        let schedule = try CronSchedule(CronExpression("30 2 * * *"), timeZone: "Europe/Berlin")
        func latest(_ text: String) throws -> Timestamp? { schedule.latest(atOrBefore: try time(text)) }
        #expect(try latest("2026-03-29T01:00:00Z") == time("2026-03-29T01:00:00Z"))
        #expect(try latest("2026-03-29T00:59:59.999999Z") == time("2026-03-28T01:30:00Z"))
        // In the repeated hour.
        #expect(try latest("2026-10-25T01:30:00Z") == time("2026-10-25T00:30:00Z"))
        #expect(try schedule.next(after: time("2026-10-25T00:29:59.999999Z")) == time("2026-10-25T00:30:00Z"))
        #expect(try schedule.next(after: time("2026-10-25T00:30:00.000001Z")) == time("2026-10-26T01:30:00Z"))
        let rare = try CronSchedule(CronExpression("0 0 29 2 */7"))
        #expect(try rare.latest(atOrBefore: time("2127-12-31T00:00:00Z")) == time("2088-02-29T00:00:00Z"))
    }

    @Test func theCalendarHasEnds() throws {
        let daily = try CronSchedule(CronExpression("@daily"))
        #expect(try daily.next(after: time("9999-12-30T23:00:00Z")) == time("9999-12-31T00:00:00Z"))
        #expect(try daily.next(after: time("9999-12-31T00:00:00Z")) == nil)
        #expect(daily.next(after: Timestamp(microseconds: .max)) == nil)
        #expect(try daily.next(after: Timestamp(microseconds: .min)) == time("0001-01-02T00:00:00Z"))
        #expect(try daily.latest(atOrBefore: Timestamp(microseconds: .min)) == time("0001-01-01T00:00:00Z"))
        #expect(
            try CronSchedule(CronExpression("@yearly"), timeZone: "Asia/Tokyo").latest(
                atOrBefore: Timestamp(microseconds: .min)) == nil)
    }

    /// Compares with a walk through all minutes, near changes of the clocks.
    @Test(.seeded) func agreesWithAWalkThroughAllMinutes() throws {
        var random = SeededRandom()
        func pick(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "*" }
        let places = [
            ("Europe/Berlin", "2026-03-29T01:00:00Z"), ("Europe/Berlin", "2026-10-25T01:00:00Z"),
            ("America/New_York", "2026-03-08T07:00:00Z"), ("America/New_York", "2026-11-01T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"), ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
            ("Pacific/Apia", "2011-12-30T10:00:00Z"), ("Pacific/Kwajalein", "1969-09-30T13:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04T03:00:00Z"), ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
            ("Africa/Casablanca", "2026-02-15T02:00:00Z"), ("Asia/Kolkata", "2026-01-01T00:00:00Z"),
            ("UTC", "2028-02-29T00:00:00Z"),
        ]
        for _ in 0..<60 {
            let text = [
                pick(["0", "30", "*/7", "*", "5,45", "59", "10-20"]),
                pick(["0", "1", "2", "*", "*/2", "0-3", "23", "1-4/2", "2,23"]),
                pick(["*", "*", "*/2", "29-31,1", "25", "8,15,18"]), pick(["*", "*", "2,3,10", "9-12"]),
                pick(["*", "*", "SUN", "1-5", "*/3"]),
            ].joined(separator: " ")
            let (zone, change) = try #require(places.randomElement(using: &random))
            let schedule = try CronSchedule(CronExpression(text), timeZone: zone)
            let middle = try time(change).secondsSince1970
            let start = middle - Int64.random(in: 0...4, using: &random) * 86_400
            let end = middle + 4 * 86_400
            let expected = Walk(text, schedule.offsets).slots(after: start, through: end)

            var found: [Int64] = []
            var (moment, steps) = (start, 0)
            while let next = schedule.next(after: moment, steps: &steps), next <= end {
                try #require(next > moment)
                found.append(next)
                moment = next
            }
            #expect(found == expected, "\(text) \(zone) \(change)")
            let latest = schedule.latest(atOrBefore: end, steps: &steps)
            if let last = expected.last { #expect(latest == last, "\(text) \(zone) \(change)") }
        }
    }

    /// The work of a search has a limit, however rare the slots and wherever the clocks change.
    @Test(.seeded) func worksAtMostACenturyOfMonths() throws {
        var random = SeededRandom()
        let texts = [
            "0 0 29 2 1", "0 0 29 2 */7", "* * 29 2 */7", "30 2 29 2 */7", "*/30 */24 29 2 */7", "30 2 * 3 */7",
            "0 */24 * 11 */7",
            "0 0 1 1 *", "59 23 31 12 */6",
        ]
        for text in texts {
            for zone in ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"] {
                let counted = try CountedOffsets(zone)
                let schedule = CronSchedule(try CronExpression(text), timeZone: zone, offsets: counted.offsets)
                for _ in 0..<20 {
                    let moment = Int64.random(in: -62_135_596_800...253_402_300_799, using: &random)
                    var steps = 0
                    counted.count = 0
                    _ = schedule.next(after: moment, steps: &steps)
                    #expect(steps <= 1000, "\(text) \(zone) \(moment)")
                    #expect(counted.count <= 150, "\(text) \(zone) \(moment)")
                    (steps, counted.count) = (0, 0)
                    _ = schedule.latest(atOrBefore: moment, steps: &steps)
                    #expect(steps <= 40_000, "\(text) \(zone) \(moment)")
                    #expect(counted.count <= 6000, "\(text) \(zone) \(moment)")
                }
            }
        }
    }

    @Test(.seeded) func everyMomentHasAnAnswer() throws {
        var random = SeededRandom()
        let edges: [Int64] = [
            .min, .max, 0, -1, Timestamp(microseconds: .min).microseconds + 1,
            Timestamp(microseconds: .max).microseconds - 1,
        ]
        for text in ["* * * * *", "59 23 31 12 *", "0 0 1 1 */7", "0 */24 29 2 *", "30 2 * * *"] {
            for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Manila"] {
                let schedule = try CronSchedule(CronExpression(text), timeZone: zone)
                for microseconds in edges + (0..<20).map({ _ in Int64(bitPattern: random.next()) }) {
                    let moment = Timestamp(microseconds: microseconds)
                    if let next = schedule.next(after: moment) {
                        #expect(next > moment)
                        let latest = schedule.latest(atOrBefore: next)
                        #expect(latest == next, "\(schedule) \(moment)")
                    }
                    if let latest = schedule.latest(atOrBefore: moment) { #expect(latest <= moment) }
                }
            }
        }
    }
}

/// Finds slots by looking at every minute, with sets of numbers.
private struct Walk {
    private let fields: [Set<Int>]
    private let isFixed: Bool
    private let matchesEitherDay: Bool
    private let offsets: ZoneOffsets

    init(_ text: String, _ offsets: ZoneOffsets) {
        let words = text.split(separator: " ").map { $0.replacing("SUN", with: "0") }
        let ranges = [0...59, 0...23, 1...31, 1...12, 0...6]
        fields = zip(words, ranges).map { word, range in
            Set(
                word.split(separator: ",").flatMap { item -> [Int] in
                    let parts = item.split(separator: "/")
                    let step = parts.count == 2 ? Int(parts[1]) ?? 1 : 1
                    let ends =
                        parts[0] == "*"
                        ? [range.lowerBound, range.upperBound] : parts[0].split(separator: "-").compactMap { Int($0) }
                    return Array(stride(from: ends[0], through: ends[ends.count - 1], by: step))
                })
        }
        isFixed = !words[1].hasPrefix("*")
        matchesEitherDay = !words[2].hasPrefix("*") && !words[4].hasPrefix("*")
        self.offsets = offsets
    }

    private func matches(_ time: Int64) -> Bool {
        let minutes = Int(time / 60), days = minutes >= 0 ? minutes / 1440 : (minutes - 1439) / 1440
        let date = CivilDate(daysSince1970: Int64(days)), minute = minutes - days * 1440
        let isDay = fields[2].contains(date.day), isWeekday = fields[4].contains(((days + 4) % 7 + 7) % 7)
        return fields[0].contains(minute % 60) && fields[1].contains(minute / 60) && fields[3].contains(date.month)
            && (matchesEitherDay ? isDay || isWeekday : isDay && isWeekday)
    }

    func slots(after start: Int64, through end: Int64) -> [Int64] {
        // The clocks are watched from some days before, to know which times they have reached.
        var reached = start - 3 * 86_400 + offsets.offset(start - 3 * 86_400)
        var found: [Int64] = []
        for moment in stride(from: start - 3 * 86_400 + 60, through: end, by: 60) {
            let shown = moment + offsets.offset(moment)
            var isSlot = false
            if isFixed {
                while reached < shown {
                    reached += 60
                    if matches(reached) { isSlot = true }
                }
            } else {
                isSlot = matches(shown)
            }
            if isSlot, moment > start { found.append(moment) }
        }
        return found
    }
}

/// Counts how many offsets are asked for.
private final class CountedOffsets: Sendable {
    private let counter = Atomic(0)
    private let zone: ZoneOffsets

    init(_ name: String) throws { zone = try .named(name) }

    var count: Int {
        get { counter.load(ordering: .relaxed) }
        set { counter.store(newValue, ordering: .relaxed) }
    }

    var offsets: ZoneOffsets {
        ZoneOffsets { [self] moment in
            counter.add(1, ordering: .relaxed)
            return zone.offset(moment)
        }
    }
}

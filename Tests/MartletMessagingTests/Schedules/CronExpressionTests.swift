import MartletCore
import MartletTesting
import Testing

@testable import MartletMessaging

@Suite struct CronExpressionTests {
    private func slots(_ text: String, after start: String, count: Int) throws -> [String] {
        try CronSchedule(CronExpression(text)).slots(after: start, count: count)
    }

    private func error(_ text: String) -> String? {
        do {
            _ = try CronExpression(text)
            return nil
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        ("*/20 * * * *", ["00:00:00", "00:20:00", "00:40:00", "01:00:00"]),
        (
            "5,10-12,58-59 * * * *",
            ["00:05:00", "00:10:00", "00:11:00", "00:12:00", "00:58:00", "00:59:00", "01:05:00"]
        ),
        ("0 8-18/4 * * *", ["08:00:00", "12:00:00", "16:00:00"]),
        ("05 007 * * *", ["07:05:00"]),
        ("*/60 */24 * * *", ["00:00:00"]),
    ])
    func readsListsRangesAndSteps(text: String, times: [String]) throws {
        #expect(
            try slots(text, after: "2026-11-20T23:59:59Z", count: times.count) == times.map { "2026-11-21T\($0)Z" })
    }

    // 2026-11-21 is a Saturday.
    @Test(arguments: [
        ("0 0 * * SUN", ["2026-11-22", "2026-11-29"]),
        ("0 0 * * 0", ["2026-11-22", "2026-11-29"]),
        ("0 0 * * 7", ["2026-11-22", "2026-11-29"]),
        ("0 0 * * fri-Sun", ["2026-11-21", "2026-11-22", "2026-11-27"]),
        ("0 0 * * 6-7", ["2026-11-21", "2026-11-22", "2026-11-28"]),
        ("0 0 * * sun-mon", ["2026-11-22", "2026-11-23", "2026-11-29"]),
        ("0 0 * * 0-7", ["2026-11-21", "2026-11-22", "2026-11-23"]),
        ("0 0 1 jan,Dec *", ["2026-12-01", "2027-01-01"]),
        ("0 0 31 * *", ["2026-12-31", "2027-01-31", "2027-03-31"]),
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("@daily", ["2026-11-21", "2026-11-22"]),
        ("@midnight", ["2026-11-21", "2026-11-22"]),
        ("@Weekly", ["2026-11-22", "2026-11-29"]),
        ("@monthly", ["2026-12-01", "2027-01-01"]),
        ("@yearly", ["2027-01-01", "2028-01-01"]),
        ("@annually", ["2027-01-01", "2028-01-01"]),
        ("\t0  0 \u{A0} * JUL\n * ", ["2027-07-01", "2027-07-02"]),
    ])
    func readsDays(text: String, days: [String]) throws {
        #expect(
            try slots(text, after: "2026-11-20T23:59:59Z", count: days.count) == days.map { "\($0)T00:00:00Z" })
    }

    @Test func hourlyIsTheBeginningOfTheHour() throws {
        #expect(
            try slots("@hourly", after: "2026-11-21T22:00:00Z", count: 2) == [
                "2026-11-21T23:00:00Z", "2026-11-22T00:00:00Z",
            ])
    }

    @Test func restrictedDaysMatchEither() throws {
        let days = ["2026-11-23", "2026-11-25", "2026-11-30", "2026-12-07"]
        #expect(
            try slots("0 0 25 * MON", after: "2026-11-21T00:00:00Z", count: 4) == days.map { "\($0)T00:00:00Z" })
        // February has no 30th day, but Mondays.
        #expect(try slots("0 0 30 2 1", after: "2026-11-21T00:00:00Z", count: 1) == ["2027-02-01T00:00:00Z"])
    }

    /// As in vixie cron, `*/2` is no restriction.
    @Test func daysMatchBothWhenOneBeginsWithAStar() throws {
        let odd = ["2026-11-23", "2026-12-07", "2026-12-21", "2027-01-11"]
        #expect(
            try slots("0 0 */2 * MON", after: "2026-11-21T00:00:00Z", count: 4) == odd.map { "\($0)T00:00:00Z" })
        let sundays = ["2032-02-29", "2060-02-29", "2088-02-29", "2128-02-29"]
        #expect(
            try slots("0 0 29 2 */7", after: "2026-11-21T00:00:00Z", count: 4) == sundays.map { "\($0)T00:00:00Z" })
    }

    @Test func descriptionHasSingleSpaces() throws {
        #expect(try CronExpression(" 0  8 *\t* mon-fri ").description == "0 8 * * mon-fri")
        #expect(try CronExpression("@daily").description == "@daily")
    }

    @Test(arguments: [
        ("", "'' is empty; a cron expression has 5: "),
        ("  ", "'  ' is empty; "),
        (
            "* * * *",
            "'* * * *' has 4 fields; a cron expression has 5: minute, hour, day of month, month, day of week, as in "
        ),
        ("0 * * * * *", "'0 * * * * *' has 6 fields; "),
        ("daily", "'daily' has 1 field; "),
        ("60 * * * *", "minute '60' is not 0-59"),
        ("-1 * * * *", "minute '-1' has a range that lacks a number; expected 0-59"),
        ("+1 * * * *", "minute '+1' is not 0-59"),
        ("٣ * * * *", "minute '٣' is not 0-59"),
        ("99999999999999999999 * * * *", "minute '99999999999999999999' is not 0-59"),
        ("1,,2 * * * *", "minute '1,,2' has nothing on one side of a comma"),
        (", * * * *", "minute ',' has nothing beside a comma"),
        ("5- * * * *", "minute '5-' has a range that lacks a number; expected 0-59"),
        ("1-70 * * * *", "minute '1-70' names '70', which is not 0-59"),
        ("1-5-9 * * * *", "minute '1-5-9' names '5-9', which is not 0-59"),
        ("*/0 * * * *", "minute '*/0' needs a step of 1-60 after '/'"),
        ("*/90 * * * *", "minute '*/90' needs a step of 1-60 after '/'"),
        ("*/ * * * *", "minute '*/' needs a step of 1-60 after '/'"),
        ("*/5/5 * * * *", "minute '*/5/5' needs a step of 1-60 after '/'"),
        ("5/15 * * * *", "minute '5/15' has a step without a range; write '5-59/15'"),
        ("0 24 * * *", "hour '24' is not 0-23"),
        ("0 22-2 * * *", "hour '22-2' has a range that runs backwards; write '22-23,0-2'"),
        ("0 0 0 * *", "day of month '0' is not 1-31"),
        ("0 0 32 * *", "day of month '32' is not 1-31"),
        ("0 0 ? * *", "day of month '?' is not 1-31; write '*' for any"),
        ("0 0 L * *", "day of month 'L' is not 1-31"),
        ("0 0 1 0 *", "month '0' is not 1-12 or JAN-DEC"),
        ("0 0 1 JANUARY *", "month 'JANUARY' is not 1-12 or JAN-DEC"),
        ("0 0 1 NVO *", "month 'NVO' is not 1-12 or JAN-DEC. Did you mean 'NOV'?"),
        ("0 0 1 NOV-JAN *", "month 'NOV-JAN' has a range that runs backwards; write 'NOV-DEC,JAN'"),
        ("0 0 * * 8", "day of week '8' is not 0-7 or SUN-SAT"),
        ("0 0 * * 5#3", "day of week '5#3' is not 0-7 or SUN-SAT"),
        ("0 0 * * FRI-MON", "day of week 'FRI-MON' has a range that runs backwards; write 'FRI-SAT,SUN-MON'"),
        ("0 0 30 2 *", "'0 0 30 2 *' never matches: no month of '2' has a day of '30'"),
        ("0 0 31 4,6,9,NOV *", "'0 0 31 4,6,9,NOV *' never matches: no month of '4,6,9,NOV' has a day of '31'"),
        ("0 0 30 2 */2", "'0 0 30 2 */2' never matches: "),
        ("@dayly", "'@dayly' is not one of @hourly, @daily, @weekly, @monthly, @yearly. Did you mean '@daily'?"),
        ("@reboot", "'@reboot' is not one of @hourly, @daily, @weekly, @monthly, @yearly."),
        ("@daily * * * *", "'@daily' stands alone, without fields after it"),
        ("\u{1B}[0m\u{7} * * * *", "minute '\u{FFFD}[0m\u{FFFD}' is not 0-59"),
    ])
    func errorsNameTheFieldAndWhatIsRight(text: String, start: String) throws {
        let message = try #require(self.error(text))
        #expect(message.hasPrefix(start), "\(message)")
    }

    @Test(.seeded) func anyTextIsReadOrRefusedInOneLine() {
        var random = SeededRandom()
        let pieces = [
            "*", "/", "-", ",", " ", "\t", "\n", "@", "0", "5", "59", "7", "31", "SUN", "feb", "?", "é", "\u{2028}",
            "💥",
        ]
        var accepted = 0
        for round in 0..<20_000 {
            let length = round % 10 == 0 ? 1000 : 12
            var text = (0..<Int(random.next() % UInt64(length))).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            // Half of the texts have five fields.
            if round % 2 == 0 { text = text.filter { $0 != "@" } + " * * * *" }
            guard let message = self.error(text) else {
                accepted += 1
                continue
            }
            #expect(!message.contains(where: \.isNewline) && message.utf8.count < 400, "\(text.debugDescription)")
        }
        #expect(accepted > 100)
        #expect(error(String(repeating: "0,", count: 500) + "0 * * * *") == "a cron expression has at most 1,000 bytes")
    }
}

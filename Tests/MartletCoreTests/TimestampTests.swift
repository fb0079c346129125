import MartletCore
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        "1970-01-01T00:00:00.000000Z", "2026-11-21T00:33:26.123456Z", "1969-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T12:00:00.000001Z",
    ])
    func roundTripsValues(text: String) throws {
        #expect(try #require(Timestamp(text)).description == text)
    }

    @Test(arguments: [
        "2026-11-21T00:33:26Z", "2026-11-21t00:33:26z", "2026-11-21 00:33:26+00", "2026-11-21T02:33:26+02:00",
        "2026-11-20T19:03:26.000-05:30",
    ])
    func readsTheFormsOfRFC3339AndPostgreSQL(text: String) {
        #expect(Timestamp(text)?.description == "2026-11-21T00:33:26.000000Z")
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T00:33:26", "2026-11-21T00:33:26.Z", "2026-11-21T00:33:26Z ", "0000-01-01T00:00:00Z",
        "٢٠٢٦-11-21T00:33:26Z",
    ])
    func refusesEverythingElse(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func neverLeavesItsYears() {
        #expect(Timestamp(microseconds: .max).description == "9999-12-31T23:59:59.999999Z")
        #expect(Timestamp(microseconds: .min).description == "0001-01-01T00:00:00.000000Z")
        #expect(Timestamp(microseconds: 0).advanced(bySeconds: .max) == Timestamp(microseconds: .max))
        #expect(Timestamp(microseconds: 0).advanced(bySeconds: .min) == Timestamp(microseconds: .min))
    }

    @Test func sortsLikeItsText() {
        let moments = [-62_000_000_000_000_000, -1, 0, 1, 1_800_000_000_000_000].map(Timestamp.init(microseconds:))
        #expect(moments.map(\.description) == moments.map(\.description).sorted())
    }

    @Test func readsDates() {
        #expect(CivilDate("2024-02-29")?.description == "2024-02-29")
        #expect(CivilDate("2023-02-29") == nil)
        #expect(CivilDate("2023-2-9") == nil)
        #expect(CivilDate("1900-02-29") == nil)
    }
}

import Foundation
import MartletCore

/// What the clocks of a time zone show, as an offset from UTC for each moment.
struct ZoneOffsets: Sendable {
    /// A moment at which the clocks were, or will be, set to another offset.
    struct Change: Equatable {
        let time: Int64
        let before: Int64
        let after: Int64
    }

    /// No zone is farther from UTC. (The farthest were Manila, −15:56:08, and Alaska, +15:02:19.)
    static let farthest: Int64 = 16 * 3600
    /// The time between two moments whose offsets are compared. No zone has ever changed its offset twice in it.
    private static let stride: Int64 = 12 * 3600

    /// The offset in seconds at a moment, in seconds since 1970.
    let offset: @Sendable (Int64) -> Int64

    /// - Parameter identifier: the name of a zone in the time zone database: `Europe/Berlin`.
    /// - Throws: ``CronError`` for an unknown name.
    static func named(_ identifier: String) throws(CronError) -> ZoneOffsets {
        if identifier == "UTC" { return ZoneOffsets { _ in 0 } }
        guard let zone = TimeZone(identifier: identifier) else {
            let names = TimeZone.knownTimeZoneIdentifiers + ["UTC"]
            throw CronError(
                "unknown time zone '\(CronError.quotable(identifier))'; expected a name such as 'Europe/Berlin' or 'UTC'."
                    + Suggestion.hint(for: identifier, among: names))
        }
        return ZoneOffsets { seconds in Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))) }
    }

    /// The first change after a moment, at the latest at `end`.
    func firstChange(after start: Int64, through end: Int64) -> Change? {
        let before = offset(start)
        var same = start
        while same < end {
            var other = min(same + Self.stride, end)
            guard offset(other) != before else {
                same = other
                continue
            }
            while other - same > 1 {
                let middle = same + (other - same) / 2
                if offset(middle) == before { same = middle } else { other = middle }
            }
            return Change(time: other, before: before, after: offset(other))
        }
        return nil
    }
}

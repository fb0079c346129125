import MartletSystem

/// Dates in header fields (RFC 9110 §5.6.7), with a resolution of one second.
enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `IMF-fixdate`.
    static func text(_ parts: tm) -> String {
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = days[Int(min(max(parts.tm_wday, 0), 6))]
        let month = months[Int(min(max(parts.tm_mon, 0), 11))]
        return "\(day), \(two(parts.tm_mday)) \(month) \(Int(parts.tm_year) + 1900) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }

    /// - Parameter seconds: since 1970.
    static func text(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return text(parts)
    }

    /// Parses any of the three date formats, strictly; names are case-insensitive (RFC 9111 §4.2).
    /// - Returns: seconds since 1970; nil for an invalid date.
    static func parse(_ text: some StringProtocol) -> Int64? {
        guard text.utf8.count <= 40 else { return nil }
        let words = Array(text.utf8).split(separator: ASCII.space, omittingEmptySubsequences: false).map(Array.init)
        switch words.count {
        // Sun, 06 Nov 1994 08:49:37 GMT
        case 6:
            if words[2].isEmpty { return asctime(Array(words[..<2]) + [[ASCII.zero] + words[3]] + words[4...]) }
            guard words[0].last == ASCII.comma, index(of: words[0].dropLast(), in: days) != nil, isGMT(words[5]),
                let day = number(words[1], 2), let year = number(words[3], 4)
            else { return nil }
            return seconds(year, words[2], day, words[4])
        // Sunday, 06-Nov-94 08:49:37 GMT
        case 4:
            let date = words[1].split(separator: ASCII.hyphen, omittingEmptySubsequences: false).map(Array.init)
            guard words[0].last == ASCII.comma, index(of: words[0].dropLast(), in: longDays) != nil, isGMT(words[3]),
                date.count == 3, let day = number(date[0], 2), let year = number(date[2], 2)
            else { return nil }
            return seconds(year + (year < 70 ? 2000 : 1900), date[1], day, words[2])
        // Sun Nov  6 08:49:37 1994 and Sun Nov 16 08:49:37 1994
        case 5: return asctime(words)
        default: return nil
        }
    }

    private static let longDays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    private static func asctime(_ words: [[UInt8]]) -> Int64? {
        guard index(of: words[0][...], in: days) != nil, let day = number(words[2], 2), let year = number(words[4], 4)
        else { return nil }
        return seconds(year, words[1], day, words[3])
    }

    private static func isGMT(_ word: [UInt8]) -> Bool { index(of: word[...], in: ["GMT"]) != nil }

    private static func index(of word: ArraySlice<UInt8>, in names: [String]) -> Int? {
        names.firstIndex { name in
            word.count == name.utf8.count
                && zip(word, name.utf8).allSatisfy { ASCII.lowercased($0) == ASCII.lowercased($1) }
        }
    }

    /// A number with exactly this many digits.
    private static func number(_ word: some Collection<UInt8>, _ count: Int) -> Int32? {
        guard word.count == count, word.allSatisfy({ (ASCII.zero...ASCII.nine).contains($0) }) else { return nil }
        return word.reduce(0) { $0 * 10 + Int32($1 - ASCII.zero) }
    }

    private static func seconds(_ year: Int32, _ month: [UInt8], _ day: Int32, _ time: [UInt8]) -> Int64? {
        let clock = time.split(separator: ASCII.colon, omittingEmptySubsequences: false).map { number($0, 2) ?? -1 }
        guard let month = index(of: month[...], in: months), clock.count == 3, (0..<24).contains(clock[0]),
            (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int32] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[month]).contains(day) else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, Int32(month), day)
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (clock[0], clock[1], clock[2])
        return Int64(timegm(&parts))
    }
}

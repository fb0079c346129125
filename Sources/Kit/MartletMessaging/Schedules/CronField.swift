import MartletCore

/// A field of a ``CronExpression``.
enum CronField: String {
    case minute, hour
    case dayOfMonth = "day of month"
    case month
    case dayOfWeek = "day of week"

    /// What a field says.
    struct Parsed {
        /// Bit n stands for the number n.
        var numbers: UInt64
        /// Whether the field does not begin with `*`, as crontab(5) distinguishes them.
        var isRestricted: Bool
    }

    /// The numbers that `*` stands for.
    private var range: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...6
        }
    }

    /// The numbers that may be written: for Sunday also 7.
    private var writable: ClosedRange<Int> { self == .dayOfWeek ? 0...7 : range }

    private var names: [String] {
        switch self {
        case .minute, .hour, .dayOfMonth: []
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        }
    }

    /// "0-59", "1-12 or JAN-DEC".
    private var expected: String {
        let numbers = "\(writable.lowerBound)-\(writable.upperBound)"
        guard let first = names.first, let last = names.last else { return numbers }
        return "\(numbers) or \(first)-\(last)"
    }

    /// All numbers, as bits.
    var all: UInt64 { Self.bits(range, step: 1) }

    func parse(_ text: String) throws(CronError) -> Parsed {
        var numbers: UInt64 = 0
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard !item.isEmpty else {
                throw error(text, "has nothing \(text == "," ? "beside" : "on one side of") a comma")
            }
            numbers |= try bits(of: String(item))
        }
        // Sunday.
        if self == .dayOfWeek, numbers & 1 << 7 != 0 { numbers = numbers & ~(1 << 7) | 1 }
        return Parsed(numbers: numbers, isRestricted: !text.hasPrefix("*"))
    }

    /// `*`, `5`, `1-5`, `*/15`, `1-5/2`
    private func bits(of item: String) throws(CronError) -> UInt64 {
        let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let covered = try range(parts[0], in: item)
        guard parts.count == 2 else { return Self.bits(covered, step: 1) }
        guard let step = Self.number(parts[1]), (1...range.count).contains(step) else {
            throw error(item, "needs a step of 1-\(range.count) after '/'")
        }
        guard parts[0] == "*" || parts[0].contains("-") else {
            throw error(item, "has a step without a range; write '\(parts[0])-\(range.upperBound)/\(step)'")
        }
        return Self.bits(covered, step: step)
    }

    private func range(_ text: String, in item: String) throws(CronError) -> ClosedRange<Int> {
        if text == "*" { return range }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let first = try value(ends[0], in: item)
        guard ends.count == 2 else { return first...first }
        var last = try value(ends[1], in: item)
        // A week that ends with Sunday: FRI-SUN.
        if self == .dayOfWeek, last == 0, first > 0 { last = 7 }
        guard first <= last else {
            let name = { (number: Int) in isNamed(ends[0]) ? names[number - range.lowerBound] : String(number) }
            let (top, bottom) = (range.upperBound, range.lowerBound)
            let upper = first >= top ? ends[0] : "\(ends[0])-\(name(top))"
            let lower = last == bottom ? ends[1] : "\(name(bottom))-\(ends[1])"
            throw error(item, "has a range that runs backwards; write '\(upper),\(lower)'")
        }
        return first...last
    }

    private func isNamed(_ text: String) -> Bool { names.contains(text.uppercased()) }

    private func value(_ text: String, in item: String) throws(CronError) -> Int {
        if let index = names.firstIndex(of: text.uppercased()) { return range.lowerBound + index }
        if let number = Self.number(text), writable.contains(number) { return number }
        guard !text.isEmpty else { throw error(item, "has a range that lacks a number; expected \(expected)") }
        if text == "?" { throw error(item, "is not \(expected); write '*' for any") }
        let hint = Suggestion.hint(for: text, among: names)
        let part = text == item ? "is not" : "names '\(CronError.quotable(text))', which is not"
        throw error(item, "\(part) \(expected)\(hint.isEmpty ? "" : ".")\(hint)")
    }

    private func error(_ item: String, _ reason: String) -> CronError {
        CronError("\(rawValue) '\(CronError.quotable(item))' \(reason)")
    }

    /// Plain digits.
    private static func number(_ text: String) -> Int? {
        guard (1...9).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }

    private static func bits(_ range: ClosedRange<Int>, step: Int) -> UInt64 {
        stride(from: range.lowerBound, through: range.upperBound, by: step).reduce(0) { $0 | 1 << UInt64($1) }
    }
}

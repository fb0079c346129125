/// "Did you mean …": finds the known name that an unknown name probably stands for.
public enum Suggestion {
    /// The longest name that is compared, in bytes of UTF-8. It bounds a comparison to 64 × 7 steps.
    static let maximumLength = 64
    /// The maximum edit distance of a suggestion.
    static let maximumDistance = 3

    /// Returns the name closest to a text.
    ///
    /// ASCII case is ignored, and `-`, `_` and spaces are equivalent. A name is close when at most three letters, and
    /// at most a third of it, are missing, extra, transposed or different.
    /// - Returns: nil when no name is close or the text is longer than 64 bytes.
    public static func closest(to text: String, among names: [String]) -> String? {
        var steps = 0
        return closest(to: text, among: names, steps: &steps)
    }

    /// - Parameter steps: increased by the number of letter pairs compared.
    package static func closest(to text: String, among names: [String], steps: inout Int) -> String? {
        guard text.utf8.count <= maximumLength else { return nil }
        let wanted = folded(text)
        var best: (name: String, distance: Int)?
        for name in names where name.utf8.count <= maximumLength {
            let candidate = folded(name)
            let allowed = min(
                maximumDistance, max(wanted.count, candidate.count) / 3, (best?.distance ?? maximumDistance + 1) - 1)
            guard allowed >= 0, abs(wanted.count - candidate.count) <= allowed else { continue }
            let distance = distance(wanted, candidate, steps: &steps)
            if distance <= allowed { best = (name, distance) }
        }
        return best?.name
    }

    /// " Did you mean 'price'?", to append to a sentence. Empty when no name is close.
    public static func hint(for text: String, among names: [String]) -> String {
        closest(to: text, among: names).map { " Did you mean '\($0)'?" } ?? ""
    }

    /// A message for an unknown name: "Unknown field 'pirce'. Did you mean 'price'?" If no name is close, the message
    /// lists the known names.
    /// - Parameter noun: what the names stand for: `field`, `parameter`.
    public static func unknown(_ noun: String, _ text: String, among names: [String]) -> String {
        let message = "Unknown \(noun) '\(text.clipped())'"
        if let name = closest(to: text, among: names) { return "\(message). Did you mean '\(name)'?" }
        guard !names.isEmpty, names.count <= 20 else { return message + "." }
        return "\(message). Expected one of \(names.sorted().joined(separator: ", "))."
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "-"), UInt8(ascii: " "): UInt8(ascii: "_")
            default: byte
            }
        }
    }

    /// The optimal string alignment distance: insertions, deletions, substitutions, and transpositions of neighbors.
    /// Only the band around the diagonal is computed; every cell outside it exceeds ``maximumDistance``.
    private static func distance(_ left: [UInt8], _ right: [UInt8], steps: inout Int) -> Int {
        let far = maximumDistance + 1
        var beforeLast = [Int](repeating: far, count: right.count + 1)
        var last = (0...right.count).map { min($0, far) }
        for row in 0..<left.count {
            var current = [Int](repeating: far, count: right.count + 1)
            current[0] = min(row + 1, far)
            let first = max(0, row - maximumDistance)
            let end = min(right.count, row + maximumDistance + 1)
            guard first < end else { return far }
            for column in first..<end {
                steps += 1
                let isSame = left[row] == right[column]
                var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (isSame ? 0 : 1), far)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current[column + 1] = best
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}

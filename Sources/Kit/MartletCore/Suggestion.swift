/// "Did you mean …": the known name that an unknown one was probably meant to be.
public enum Suggestion {
    /// Names longer than this, in bytes of UTF-8, are not compared. It bounds a comparison to 64 × 64 steps.
    static let maximumLength = 64

    /// The name closest to a text.
    ///
    /// Upper and lower case of ASCII letters, `-`, `_` and blanks count as the same. A name is close when at most a third
    /// of it, and at most three letters, are missing, superfluous, exchanged or different.
    /// - Returns: nil when no name is close, and for a text of more than 64 bytes.
    public static func closest(to text: String, among names: [String]) -> String? {
        guard text.utf8.count <= maximumLength else { return nil }
        let wanted = folded(text)
        var best: (name: String, distance: Int)?
        for name in names where name.utf8.count <= maximumLength {
            let candidate = folded(name)
            let allowed = min(3, max(wanted.count, candidate.count) / 3, (best?.distance ?? 4) - 1)
            guard allowed >= 0, abs(wanted.count - candidate.count) <= allowed else { continue }
            let distance = distance(wanted, candidate)
            if distance <= allowed { best = (name, distance) }
        }
        return best?.name
    }

    /// " Did you mean 'price'?", to be put behind a sentence; empty when no name is close.
    public static func hint(for text: String, among names: [String]) -> String {
        closest(to: text, among: names).map { " Did you mean '\($0)'?" } ?? ""
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
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for column in 0..<right.count {
                let isSame = left[row] == right[column]
                var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (isSame ? 0 : 1))
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}

/// The errors in a file, one line each: the first fifty and the total number.
struct Complaints {
    static let shown = 50

    private var first: [String] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func add(_ line: String) {
        count += 1
        if first.count < Self.shown { first.append(line) }
    }

    var lines: [String] {
        guard count > Self.shown else { return first }
        return first + ["… and \(count - Self.shown) more errors, \(count) in total"]
    }
}

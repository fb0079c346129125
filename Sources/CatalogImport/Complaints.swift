/// What is wrong with a file, a line each: the first fifty of them, and how many there are in all.
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
        return first + ["… and \(count - Self.shown) more complaints, \(count) in all"]
    }
}

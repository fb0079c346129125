/// The part that request and response heads share: the lines that are not forwarded.
protocol MessageHead {
    init()
    /// The field lines that are not forwarded, in order, with their line ends.
    var cuts: [ByteRange] { get set }
}

extension MessageHead {
    /// Clears the head and keeps the storage of its cuts.
    mutating func reset() {
        var cuts = self.cuts
        cuts.removeAll(keepingCapacity: true)
        self = Self()
        self.cuts = cuts
    }

    /// Appends a cut. Adjacent lines are merged into one cut, so that fewer pieces are copied.
    @inline(__always)
    mutating func cut(from start: Int, to end: Int) {
        if let last = cuts.last, last.end == start {
            cuts[cuts.count - 1] = ByteRange(last.start, end)
        } else {
            cuts.append(ByteRange(start, end))
        }
    }
}

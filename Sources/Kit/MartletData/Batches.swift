extension RandomAccessCollection {
    /// The elements in order, in groups of at most `size`, because databases limit the number of values per statement.
    public func batches(of size: Int) -> [SubSequence] {
        let size = Swift.max(1, size)
        return stride(from: 0, to: count, by: size).map { dropFirst($0).prefix(size) }
    }
}

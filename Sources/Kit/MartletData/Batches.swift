extension RandomAccessCollection {
    /// The collection in slices of at most `size` elements. Databases limit the number of values in one statement.
    public func batches(of size: Int) -> [SubSequence] {
        let size = Swift.max(1, size)
        return stride(from: 0, to: count, by: size).map { dropFirst($0).prefix(size) }
    }
}

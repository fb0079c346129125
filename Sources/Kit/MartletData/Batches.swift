extension RandomAccessCollection {
    /// The elements in their order, so many at a time: databases bound how many values one statement may carry.
    public func batches(of size: Int) -> [SubSequence] {
        let size = Swift.max(1, size)
        return stride(from: 0, to: count, by: size).map { start in
            dropFirst(start).prefix(size)
        }
    }
}

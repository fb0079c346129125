import MartletMessaging

extension [Envelope] {
    /// The events in order, in parts that one command or statement can carry.
    func chunks(ofAtMost count: Int, bytes: Int) -> [ArraySlice<Envelope>] {
        var chunks: [ArraySlice<Envelope>] = []
        var start = startIndex
        var size = 0
        for (index, event) in enumerated() {
            if index > start, index - start >= count || size + event.approximateBytes > bytes {
                chunks.append(self[start..<index])
                start = index
                size = 0
            }
            size += event.approximateBytes
        }
        if start < endIndex { chunks.append(self[start...]) }
        return chunks
    }
}

extension Envelope {
    /// The payload, and about as much as the attributes take.
    fileprivate var approximateBytes: Int { data.utf8.count + subject.utf8.count + 512 }
}

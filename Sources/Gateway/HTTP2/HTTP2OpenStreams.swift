/// The streams of a client that are open (RFC 9113 §5.1), with what each has sent that no upstream has taken. Pure.
struct HTTP2OpenStreams {
    private struct Stream {
        var clientEnded: Bool
        var gatewayEnded = false
        var held = 0
    }

    private var streams: [Int: Stream] = [:]

    var count: Int { streams.count }

    mutating func open(_ id: Int, endsStream: Bool) { streams[id] = Stream(clientEnded: endsStream) }

    /// - Returns: whether the stream is open.
    mutating func received(_ id: Int, _ count: Int) -> Bool {
        guard streams[id] != nil else { return false }
        streams[id]?.held += count
        return true
    }

    /// - Returns: how much of it was still held.
    mutating func released(_ id: Int, _ count: Int) -> Int {
        guard let stream = streams[id] else { return 0 }
        let released = min(count, stream.held)
        streams[id]?.held -= released
        return released
    }

    /// - Returns: what the stream held, if it is closed now.
    mutating func clientEnded(_ id: Int) -> Int {
        streams[id]?.clientEnded = true
        return streams[id]?.gatewayEnded == true ? close(id) : 0
    }

    /// - Returns: what the stream held, if it is closed now.
    mutating func gatewayEnded(_ id: Int) -> Int {
        streams[id]?.gatewayEnded = true
        return streams[id]?.clientEnded == true ? close(id) : 0
    }

    /// - Returns: what the stream held.
    mutating func close(_ id: Int) -> Int { streams.removeValue(forKey: id)?.held ?? 0 }
}

/// The open streams of a client (RFC 9113 §5.1), and how much data of each no upstream has taken yet. Performs no I/O.
struct HTTP2OpenStreams {
    private struct Stream {
        var clientEnded: Bool
        var gatewayEnded = false
        var held = 0
        /// The DATA frames that the held bytes came in.
        var frames = 0
    }

    private var streams: [Int: Stream] = [:]
    /// The DATA frames held. Each costs several hundred bytes of memory besides its payload.
    private(set) var heldFrames = 0

    var count: Int { streams.count }

    mutating func open(_ id: Int, endsStream: Bool) { streams[id] = Stream(clientEnded: endsStream) }

    /// - Returns: whether the stream is open.
    mutating func received(_ id: Int, _ count: Int) -> Bool {
        guard streams[id] != nil else { return false }
        streams[id]?.held += count
        streams[id]?.frames += 1
        heldFrames += 1
        return true
    }

    /// - Returns: how much of it was still held.
    mutating func released(_ id: Int, _ count: Int) -> Int {
        guard let stream = streams[id] else { return 0 }
        let released = min(count, stream.held)
        let held = stream.held - released
        // Individual frames are not tracked, so their number is prorated.
        let frames = held > 0 ? stream.frames * held / stream.held : 0
        streams[id]?.held = held
        streams[id]?.frames = frames
        heldFrames -= stream.frames - frames
        return released
    }

    /// - Returns: the bytes still held if this closes the stream, else 0.
    mutating func clientEnded(_ id: Int) -> Int {
        streams[id]?.clientEnded = true
        return streams[id]?.gatewayEnded == true ? close(id) : 0
    }

    /// - Returns: the bytes still held if this closes the stream, else 0.
    mutating func gatewayEnded(_ id: Int) -> Int {
        streams[id]?.gatewayEnded = true
        return streams[id]?.clientEnded == true ? close(id) : 0
    }

    /// - Returns: the bytes still held.
    mutating func close(_ id: Int) -> Int {
        guard let stream = streams.removeValue(forKey: id) else { return 0 }
        heldFrames -= stream.frames
        return stream.held
    }
}

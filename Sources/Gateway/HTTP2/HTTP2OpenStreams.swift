/// The streams of a client that are open (RFC 9113 §5.1), with what each has sent that no upstream has taken. Pure.
struct HTTP2OpenStreams {
    private struct Stream {
        var clientEnded: Bool
        var gatewayEnded = false
        var held = 0
        /// Of DATA, that brought what is held.
        var frames = 0
    }

    private var streams: [Int: Stream] = [:]
    /// Frames of DATA that are held, each of which costs some hundred bytes beside what it carries.
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
        // Which frames they were is not noted.
        let frames = held > 0 ? stream.frames * held / stream.held : 0
        streams[id]?.held = held
        streams[id]?.frames = frames
        heldFrames -= stream.frames - frames
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
    mutating func close(_ id: Int) -> Int {
        guard let stream = streams.removeValue(forKey: id) else { return 0 }
        heldFrames -= stream.frames
        return stream.held
    }
}

import NIOCore

/// A field line as bytes.
struct HeaderField: Equatable, Sendable {
    var name: [UInt8]
    var value: [UInt8]

    /// As defined in RFC 7541 §4.1.
    var size: Int { name.count + value.count + HeaderTable.overhead }
}

/// HPACK's static and dynamic tables (RFC 7541 §2.3), as one side has them.
struct HeaderTable {
    /// The overhead that each entry adds to its bytes.
    static let overhead = 32
    /// The initial size. The gateway never uses more, whatever the peer allows.
    static let maximumSize = 4096

    /// The size of all entries, in bytes.
    private(set) var size = 0
    private(set) var limit = Self.maximumSize
    private var entries = CircularBuffer<HeaderField>()
    /// The entries compared in searches, for tests of the cost.
    private(set) var comparisons = 0

    var count: Int { entries.count }

    /// - Parameter index: from 1, the static table first.
    subscript(index: Int) -> HeaderField? {
        if index < 1 { return nil }
        if index <= Self.fixed.count { return Self.fixed[index - 1] }
        let place = index - Self.fixed.count - 1
        return place < entries.count ? entries[offset: place] : nil
    }

    /// RFC 7541 §4.4: an entry larger than the table empties it.
    mutating func add(_ field: HeaderField) {
        evict(to: limit - field.size)
        guard field.size <= limit else { return }
        entries.prepend(field)
        size += field.size
    }

    mutating func setLimit(_ limit: Int) {
        self.limit = limit
        evict(to: limit)
    }

    private mutating func evict(to size: Int) {
        while self.size > size, !entries.isEmpty { self.size -= entries.removeLast().size }
    }

    enum Match: Equatable {
        case whole(Int)
        case name(Int)
        case none
    }

    /// - Parameter searches: whether to search the dynamic table too.
    mutating func find(_ field: HeaderField, searches: Bool) -> Match {
        var first: Int?
        if let range = Self.fixedNames[field.name] {
            first = range.lowerBound
            for index in range where Self.fixed[index - 1].value == field.value { return .whole(index) }
        }
        if searches {
            for (place, entry) in entries.enumerated() {
                comparisons += 1
                guard entry.name == field.name else { continue }
                let index = Self.fixed.count + 1 + place
                if entry.value == field.value { return .whole(index) }
                first = first ?? index
            }
        }
        return first.map(Match.name) ?? .none
    }

    /// RFC 7541, appendix A.
    static let fixed: [HeaderField] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""),
        ("content-length", ""), ("content-location", ""), ("content-range", ""), ("content-type", ""),
        ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""),
        ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""),
        ("retry-after", ""), ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""),
        ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ].map { HeaderField(name: Array($0.0.utf8), value: Array($0.1.utf8)) }

    /// The indices of each name, which are contiguous.
    private static let fixedNames: [[UInt8]: ClosedRange<Int>] = {
        var names: [[UInt8]: ClosedRange<Int>] = [:]
        for (place, field) in fixed.enumerated() {
            let first = names[field.name]?.lowerBound ?? place + 1
            names[field.name] = first...place + 1
        }
        return names
    }()
}

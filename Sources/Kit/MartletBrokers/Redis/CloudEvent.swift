import MartletCore
import MartletMessaging
import MartletRedis

/// The attributes of CloudEvents 1.0, and Martlet's extensions, which are the fields of an entry.
private enum Attribute: String {
    case specversion, id, source, type, subject, time, datacontenttype, data
    case sequence, traceparent, dataversion, requestid
}

extension Envelope {
    /// The fields of the event's entry in a stream: names and values, alternating.
    var fields: [RedisArgument] {
        var fields: [RedisArgument] = []
        fields.reserveCapacity(24)
        func add(_ attribute: Attribute, _ value: RedisArgument) {
            fields.append(.text(attribute.rawValue))
            fields.append(value)
        }
        add(.specversion, "1.0")
        add(.id, .text(id))
        add(.source, .text(source))
        add(.type, .text(type))
        // CloudEvents has no empty subject.
        if !subject.isEmpty { add(.subject, .text(subject)) }
        add(.time, .text(time.description))
        add(.dataversion, .integer(version))
        if let sequence { add(.sequence, .integer(sequence)) }
        if let trace { add(.traceparent, .text(trace)) }
        if let requestID { add(.requestid, .text(requestID)) }
        add(.datacontenttype, "application/json")
        add(.data, .text(data))
        return fields
    }
}

/// Reads entries, which any program may have written.
///
/// Nothing that a subscriber's database would refuse becomes an event: it would hold up those behind it for ever.
struct CloudEventReader {
    private let entry: StreamEntry
    private let source: String
    private var values: [Attribute: [UInt8]] = [:]

    /// Reads an entry of a source's stream. The stream names the source, whatever the entry says: CloudEvents from
    /// other programs may have a URI there.
    /// - Throws: ``UnreadableEntry``.
    static func read(_ entry: StreamEntry, from source: String) throws(UnreadableEntry) -> Envelope {
        try CloudEventReader(entry, source).envelope()
    }

    private init(_ entry: StreamEntry, _ source: String) throws(UnreadableEntry) {
        self.entry = entry
        self.source = source
        guard let fields = entry.fields else { throw unreadable("it was deleted from the stream before it was read") }
        var index = 0
        while index + 1 < fields.count {
            if case .bytes(let name) = fields[index], case .bytes(let value) = fields[index + 1], name.count <= 32,
                let attribute = Attribute(rawValue: String(decoding: name, as: UTF8.self))
            {
                values[attribute] = value
            }
            index += 2
        }
    }

    private func envelope() throws(UnreadableEntry) -> Envelope {
        guard try text(.specversion, maximum: 16)?.hasPrefix("1.") ?? true else {
            throw unreadable("specversion is not 1.0")
        }
        guard let id = try text(.id, maximum: 256) else { throw unreadable("id is missing") }
        guard let type = try text(.type, maximum: 256) else { throw unreadable("type is missing") }
        let subject = try text(.subject, maximum: 512)
        let sequence = try number(.sequence)
        return Envelope(
            id: id, source: source, type: type, version: Int(try number(.dataversion) ?? 1), subject: subject ?? "",
            // Without a subject there is nothing that the number counts.
            sequence: subject == nil ? nil : sequence, time: try time(), data: try data(),
            trace: token(.traceparent), requestID: token(.requestid))
    }

    private func data() throws(UnreadableEntry) -> String {
        if let contentType = try text(.datacontenttype, maximum: 256) {
            let mediaType = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
            guard mediaType == "application/json" || mediaType.hasSuffix("+json") else {
                throw unreadable("datacontenttype is not application/json")
            }
        }
        guard let bytes = values[.data] else { throw unreadable("data is missing") }
        guard bytes.count <= Payload.maximumBytes else {
            throw unreadable("data has more than \(Payload.maximumBytes >> 10) KiB")
        }
        guard let value = try? JSONValue(parsing: bytes), value.objectValue != nil else {
            throw unreadable("data is not a JSON object")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Default: when Redis received the entry.
    private func time() throws(UnreadableEntry) -> Timestamp {
        if let text = try text(.time, maximum: 64) {
            guard let time = Timestamp(text) else { throw unreadable("time is not an RFC 3339 time") }
            return time
        }
        let milliseconds = entry.id.split(separator: "-").first.flatMap { Int64($0) } ?? 0
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        return Timestamp(microseconds: overflow ? .max : microseconds)
    }

    /// A number from 1.
    private func number(_ attribute: Attribute) throws(UnreadableEntry) -> Int64? {
        guard let text = try text(attribute, maximum: 64) else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw unreadable("\(attribute.rawValue) is not a number from 1")
        }
        return number
    }

    /// - Returns: nil when the attribute is missing or empty.
    private func text(_ attribute: Attribute, maximum: Int) throws(UnreadableEntry) -> String? {
        guard let bytes = values[attribute], !bytes.isEmpty else { return nil }
        guard bytes.count <= maximum else { throw unreadable("\(attribute.rawValue) has more than \(maximum) bytes") }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw unreadable("\(attribute.rawValue) is not a UTF-8 text without NUL")
        }
        return text
    }

    /// A text for logs and traces. An event is complete without it.
    private func token(_ attribute: Attribute) -> String? {
        guard let bytes = values[attribute], (1...128).contains(bytes.count),
            bytes.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func unreadable(_ reason: String) -> UnreadableEntry {
        UnreadableEntry(source: source, id: entry.id, reason: reason)
    }
}

import MartletCore
import MartletData

/// The payload of an event or the arguments of a job: a JSON object with `snake_case` members.
public enum Payload {
    public static let maximumBytes = 256 * 1024
    public static let maximumSubjectBytes = 200

    /// - Throws: ``MessagingError/payloadTooLarge(type:bytes:)``; the errors of the value's `encode(to:)`.
    static func text(of value: some Encodable, type: String) throws -> String {
        let bytes = try JSONWriter.bytes(of: value)
        guard bytes.count <= maximumBytes else {
            throw MessagingError.payloadTooLarge(type: type, bytes: bytes.count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Throws: ``MessagingError/invalidPayload(type:reason:)``.
    public static func decode<E: Event>(_ type: E.Type, from text: String, version: Int) throws -> E {
        try decode(E.self, from: text, named: E.type) { version < E.version ? try E.upgrade($0, from: version) : $0 }
    }

    /// - Throws: ``MessagingError/invalidPayload(type:reason:)``.
    public static func decode<J: Job>(_ type: J.Type, from text: String, version: Int) throws -> J {
        try decode(J.self, from: text, named: J.kind) { version < J.version ? try J.upgrade($0, from: version) : $0 }
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, from text: String, named name: String, upgrade: (JSONValue) throws -> JSONValue
    ) throws -> Value {
        do {
            return try upgrade(JSONValue(parsing: Array(text.utf8))).decode(type)
        } catch {
            throw MessagingError.invalidPayload(type: name, reason: "\(error)")
        }
    }

    static func isSubject(_ subject: String) -> Bool {
        (1...maximumSubjectBytes).contains(subject.utf8.count) && !subject.utf8.contains(0)
    }
}

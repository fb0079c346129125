import Foundation
import MartletCore

/// A token taken apart, from which invalid tokens are built.
struct Forgery {
    var header: [(String, JSONValue)]
    var payload: [(String, JSONValue)]
    let signature: String

    init(_ token: String) throws {
        let parts = token.split(separator: ".").map(String.init)
        guard parts.count == 3, let header = Self.decoded(parts[0]), let payload = Self.decoded(parts[1]),
            let fields = try JSONValue(parsing: header).objectValue,
            let claims = try JSONValue(parsing: payload).objectValue
        else { throw TestEnvironment.Missing(description: "\(token) is not a token.") }
        self.header = fields
        self.payload = claims
        signature = parts[2]
    }

    /// Changes fields of the header; nil removes one.
    func header(_ changes: (String, JSONValue?)...) -> Forgery {
        var copy = self
        for (name, value) in changes { Self.set(name, value, in: &copy.header) }
        return copy
    }

    /// Changes claims; nil removes one.
    func claims(_ changes: (String, JSONValue?)...) -> Forgery {
        var copy = self
        for (name, value) in changes { Self.set(name, value, in: &copy.payload) }
        return copy
    }

    /// The token with its original signature.
    var withOldSignature: String { signed + "." + signature }
    var withoutSignature: String { signed + "." }

    func signed(byHMACWith key: [UInt8]) -> String {
        signed + "." + Self.encoded(HMAC.sha256(Array(signed.utf8), key: key))
    }

    private var signed: String {
        Self.encoded(JSONValue.object(header).bytes) + "." + Self.encoded(JSONValue.object(payload).bytes)
    }

    private static func set(_ name: String, _ value: JSONValue?, in members: inout [(String, JSONValue)]) {
        members.removeAll { $0.0 == name }
        if let value { members.append((name, value)) }
    }

    /// base64url (RFC 4648 §5) without padding.
    static func encoded(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func decoded(_ text: String) -> [UInt8]? {
        let base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: base64 + String(repeating: "=", count: (4 - base64.count % 4) % 4)).map(Array.init)
    }
}

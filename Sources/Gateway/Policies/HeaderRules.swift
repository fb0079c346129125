/// A compiled ``GatewayConfiguration/HeaderEdit``: names to remove and lines to add.
struct HeaderRules: Sendable {
    /// In lower case.
    var removed: [[UInt8]] = []
    var lines: [UInt8] = []
    /// Whether forwarding fields that the gateway itself would write are among those to remove.
    private(set) var removesForwarding = false

    init() {}

    var isEmpty: Bool { removed.isEmpty && lines.isEmpty }

    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for an invalid field, or one that frames the message or
    ///   belongs to the connection.
    init(_ edit: GatewayConfiguration.HeaderEdit) throws(GatewayError) {
        for (name, value) in edit.set.sorted(by: { $0.key < $1.key }) {
            try add(name, value)
            try remove(name)
        }
        for (name, value) in edit.add.sorted(by: { $0.key < $1.key }) { try add(name, value) }
        for name in edit.remove { try remove(name) }
    }

    init(_ security: GatewayConfiguration.SecurityHeaders) throws(GatewayError) {
        var edit = GatewayConfiguration.HeaderEdit()
        edit.set["X-Content-Type-Options"] = "nosniff"
        edit.set["X-Frame-Options"] = security.frameOptions
        edit.set["Referrer-Policy"] = security.referrerPolicy
        edit.set["Content-Security-Policy"] = security.contentSecurityPolicy
        edit.set["Strict-Transport-Security"] = security.strictTransportSecurity.map { "max-age=\($0)" }
        try self.init(edit)
    }

    static func += (rules: inout HeaderRules, more: HeaderRules) {
        rules.removed += more.removed
        rules.lines += more.lines
        rules.removesForwarding = rules.removesForwarding || more.removesForwarding
    }

    private mutating func add(_ name: String, _ value: String) throws(GatewayError) {
        guard Self.isEditable(name) else { throw .invalidConfiguration("headers: '\(name)' cannot be set") }
        // The message omits the value, which may be a secret.
        guard let line = Self.line(name, value) else {
            throw .invalidConfiguration("headers: the value of '\(name)' is not a valid field value")
        }
        lines += line
    }

    private mutating func remove(_ name: String) throws(GatewayError) {
        guard Self.isEditable(name) else { throw .invalidConfiguration("headers: '\(name)' cannot be removed") }
        removed.append(Array(name.lowercased().utf8))
        if Array(name.utf8).withUnsafeBytes({ RequestField($0) }) == .forwarding { removesForwarding = true }
    }

    /// Whether a configuration may edit the field. `Host` has its own setting; the others that are refused frame the
    /// message.
    static func isEditable(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.allSatisfy(ASCIISet.token.contains), !name.contains("_") else { return false }
        return Array(name.utf8).withUnsafeBytes { bytes in
            switch RequestField(bytes) {
            case .passed, .forwarding: true
            case .dropped, .host, .contentLength, .transferEncoding, .connection, .upgrade, .expect, .requestID,
                .traceparent:
                false
            }
        }
    }

    /// A field line with its line end; nil when the value contains control characters.
    static func line(_ name: String, _ value: String) -> [UInt8]? {
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return Array("\(name): \(value)\r\n".utf8)
    }
}

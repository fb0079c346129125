import MartletCore

/// The parts of this process and the address it listens on.
struct ProcessSettings: Sendable {
    var parts: Set<Part>
    var listen = Endpoint.tcp(host: "127.0.0.1", port: 8080)

    init(_ settings: inout SettingReader, _ composition: Composition) {
        let names = composition.parts.map(\.name).joined(separator: ", ")
        parts = settings.read(
            "only", "The parts to run: \(names), comma-separated.", form: "part,…",
            default: Set(composition.parts), shown: "all",
            flag: .repeated("only")
        ) { Set(try SettingValue.list($0).map(composition.part)) }
        listen = settings.read(
            "listen", "The address to listen on.", form: "host:port", default: listen, shown: "127.0.0.1:8080",
            parse: SettingValue.listener)
        let port = settings.readOptional(
            "port", "Only the port, instead of listen.", form: "port", shortFormOf: "listen"
        ) {
            try SettingValue.integer($0, 0...65_535)
        }
        if let port { listen = .tcp(host: listen.host, port: port) }
    }

    var runsGateway: Bool { parts.contains(.gateway) }

    /// The names of the services in this process.
    var services: Set<String> {
        Set(parts.compactMap { part in if case .service(let name) = part { name } else { nil } })
    }
}

extension Composition {
    /// - Throws: ``SettingMistake``.
    func part(_ name: String) throws(SettingMistake) -> Part {
        guard let part = parts.first(where: { $0.name == name }) else {
            let names = parts.map(\.name)
            throw SettingMistake(
                "'\(name)' is not one of \(names.joined(separator: ", ")).\(Suggestion.hint(for: name, among: names))")
        }
        return part
    }
}

extension SettingValue {
    /// Reads an address to listen on. For common mistakes, the error shows the right form.
    static func listener(_ text: String) throws -> Endpoint {
        if Int(text) != nil { throw SettingMistake("'\(text)' has no host; write 127.0.0.1:\(text), or set port") }
        if text.hasPrefix(":") {
            throw SettingMistake("'\(text)' has no host; write 127.0.0.1\(text), or 0.0.0.0\(text) for all addresses")
        }
        if text.hasPrefix("https://") {
            throw SettingMistake("'\(text)': write host:port; TLS is set by the certificates of the gateway's file")
        }
        return try Endpoint(text)
    }
}

extension Endpoint {
    fileprivate var host: String {
        if case .tcp(let host, _) = self { host } else { "127.0.0.1" }
    }
}

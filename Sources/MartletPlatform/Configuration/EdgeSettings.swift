import Gateway
import MartletCore

/// The settings of this process's gateway, without its file.
struct EdgeSettings: Sendable {
    /// nil: the folder found by ``ConsoleFolder``.
    var consoleDirectory: String?
    /// Additional paths to forward.
    var routes: [(path: String, endpoint: Endpoint)]
    /// The file with additional upstreams and routes.
    var file: String?
    /// The address of the administration; nil to disable it.
    var adminListen: Endpoint?
    var trustedProxies: [AddressRange]

    init(_ settings: inout SettingReader) {
        consoleDirectory = settings.readOptional(
            "console_dir", "The folder with the built console.", form: "folder",
            shown: "beside the program, or Web/dist", parse: SettingValue.path)
        routes = settings.read(
            "routes", "Additional paths for the gateway to forward, comma-separated.", form: "/path=http://host:port",
            default: [], shown: "none", isSecret: true, flag: .repeated("route"), parse: Self.routes)
        file = settings.readOptional(
            "gateway_file",
            "A YAML file with more upstreams and routes for the gateway. It is reloaded when it changes.",
            form: "file.yaml", parse: SettingValue.path)
        adminListen = settings.readOptional(
            "admin_listen",
            "The address of the gateway's administration: a port of the loopback address, or host:port. The token is in admin.token in the data folder.",
            form: "port or host:port", shown: "none", parse: Self.loopback)
        trustedProxies = settings.read(
            "trusted_proxies",
            "The addresses (CIDR) of proxies whose Forwarded and X-Forwarded-* the gateway trusts, comma-separated.",
            form: "address,…", default: [], shown: "none"
        ) { text in
            try SettingValue.list(text).map { text in
                guard let range = AddressRange(text) else {
                    throw SettingMistake("'\(text)' is not an address or a CIDR; write 10.0.0.5 or 10.0.0.0/8")
                }
                return range
            }
        }
    }

    private static func routes(_ text: String) throws -> [(path: String, endpoint: Endpoint)] {
        try SettingValue.list(text).map { text in
            let (path, url) = try SettingValue.pair(text, "/reports=http://127.0.0.1:9000")
            guard path.hasPrefix("/") else { throw SettingMistake("'\(path)' must begin with /, such as /\(path)") }
            return (path, try Endpoint(url))
        }
    }

    private static func loopback(_ text: String) throws -> Endpoint {
        let endpoint =
            try Int(text) == nil
            ? Endpoint(text) : .tcp(host: "127.0.0.1", port: SettingValue.integer(text, 0...65_535))
        guard case .tcp = endpoint else { throw SettingMistake("must be host:port") }
        return endpoint
    }
}

/// Every setting there is. The raw value is the key in the YAML file; the flag has dashes (`--data-dir`), the
/// environment variable the prefix `MARTLET_` and capitals (`MARTLET_DATA_DIR`).
enum SettingKey: String, CaseIterable {
    case only
    case listen
    case port
    case dataDir = "data_dir"
    case consoleDir = "console_dir"
    case databaseURL = "database_url"
    case databaseConnections = "database_connections"
    case services
    case registryURL = "registry_url"
    case registryCA = "registry_ca"
    case registryCertificate = "registry_certificate"
    case registryKey = "registry_key"
    case register
    case advertiseAddress = "advertise_address"
    case routes
    case gatewayFile = "gateway_file"
    case adminListen = "admin_listen"
    case trustedProxies = "trusted_proxies"
    case adminEmail = "admin_email"
    case adminPassword = "admin_password"
    case registration
    case accessTokenLifetime = "access_token_lifetime"
    case refreshTokenLifetime = "refresh_token_lifetime"
    case otlpEndpoint = "otlp_endpoint"
    case traceSample = "trace_sample"
    case logLevel = "log_level"

    /// What it is for, and what holds where nothing is said.
    var documentation: String { meaning + (defaultValue.map { " Default: \($0)." } ?? "") }

    private var meaning: String {
        switch self {
        case .only: "What to run: gateway, accounts, catalog, comma-separated."
        case .listen: "Where to listen."
        case .port: "The port alone, instead of listen."
        case .dataDir: "The folder for databases, keys and sockets."
        case .consoleDir: "The folder with the built console."
        case .databaseURL: "The database, with one schema for each service."
        case .databaseConnections: "The most connections a service keeps to PostgreSQL."
        case .services: "Where the services that run elsewhere are, comma-separated."
        case .registryURL:
            "The etcd to look up services not listed under services; with user:password@ if it asks for them."
        case .registryCA: "The certificates (PEM) that sign the registry's."
        case .registryCertificate: "The certificate (PEM) to show to the registry; needs registry_key."
        case .registryKey: "The key (PEM) of registry_certificate."
        case .register: "Whether to enter the services of this process in the registry, true or false."
        case .advertiseAddress: "Where others reach the services of this process."
        case .routes: "More paths for the gateway to pass on, comma-separated."
        case .gatewayFile: "A YAML file with more upstreams and routes of the gateway, read again when it changes."
        case .adminListen:
            "Where to administer the gateway: a port of the loopback address, or host:port. The token is in admin.token in the data folder."
        case .trustedProxies: "The addresses (CIDR) whose Forwarded and X-Forwarded-* are believed, comma-separated."
        case .adminEmail: "The first administrator's e-mail address."
        case .adminPassword: "The first administrator's password; environment or file only."
        case .registration: "Whether people may register themselves, open or closed."
        case .accessTokenLifetime: "How long an access token lasts, in seconds."
        case .refreshTokenLifetime: "How long a session lasts unused, in seconds."
        case .otlpEndpoint: "The OpenTelemetry collector to send traces to (OTLP over HTTP)."
        case .traceSample: "The share of the requests to trace, from 0 to 1."
        case .logLevel: "What to log: trace, debug, info, notice, warning, error or critical."
        }
    }

    private var defaultValue: String? {
        switch self {
        case .only: "everything"
        case .listen: "127.0.0.1:8080"
        case .dataDir: "data"
        case .consoleDir: "Web/dist here or beside the program"
        case .databaseURL: "SQLite files in the data folder"
        case .databaseConnections: "8"
        case .registryCA: "those of the system"
        case .register: "false"
        case .advertiseAddress: "listen"
        case .adminListen: "nowhere"
        case .trustedProxies: "none"
        case .adminEmail: "admin@martlet.local"
        case .adminPassword: "generated, and shown once"
        case .registration: "open"
        case .accessTokenLifetime: "300"
        case .refreshTokenLifetime: "1209600 (14 days)"
        case .otlpEndpoint: "none"
        case .traceSample: "1"
        case .logLevel: "info"
        case .port, .services, .registryURL, .registryCertificate, .registryKey, .routes, .gatewayFile: nil
        }
    }

    /// What a value looks like, for the help of flags.
    var form: String {
        switch self {
        case .only: "part,…"
        case .listen, .advertiseAddress: "host:port"
        case .port: "port"
        case .adminListen: "port or host:port"
        case .dataDir, .consoleDir: "folder"
        case .databaseURL: "postgres://user@host/name"
        case .databaseConnections: "count"
        case .services: "catalog=http://host:port"
        case .registryURL: "etcd://host:port,…"
        case .registryCA, .registryCertificate, .registryKey: "file.pem"
        case .register: "true|false"
        case .routes: "/path=http://host:port"
        case .gatewayFile: "file.yaml"
        case .trustedProxies: "address,…"
        case .adminEmail: "address"
        case .adminPassword: "password"
        case .registration: "open|closed"
        case .accessTokenLifetime, .refreshTokenLifetime: "seconds"
        case .otlpEndpoint: "http://host:4318"
        case .traceSample: "0…1"
        case .logLevel: "level"
        }
    }

    /// The name of its environment variable.
    var variable: String { "MARTLET_\(rawValue.uppercased())" }

    /// Never shown: passwords, and every URL, as it may hold one. A flag is read by every user of the machine: the
    /// administrator's password has none, and a URL with a password belongs into the environment or the file.
    var isSecret: Bool {
        switch self {
        case .adminPassword, .databaseURL, .registryURL, .services, .routes, .otlpEndpoint: true
        default: false
        }
    }
}

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

    var documentation: String {
        switch self {
        case .only: "What to run: gateway, accounts, catalog, comma-separated. Everything unless said."
        case .listen: "Where to listen, host:port. 127.0.0.1:8080 unless said."
        case .port: "The port alone, instead of listen."
        case .dataDir: "The folder for databases, keys and sockets. ./data unless said."
        case .consoleDir: "The folder with the built console. Web/dist unless said."
        case .databaseURL:
            "postgres://user:password@host/name, a schema a service; SQLite files in the data folder unless said."
        case .databaseConnections: "Connections a service keeps to PostgreSQL at the most. 8 unless said."
        case .services: "Where services that run elsewhere are, catalog=http://host:port, comma-separated."
        case .registryURL:
            "The etcd in which services are found that services does not name: etcd://host:port,host:port, http:// or https://, with user:password@ where it asks for it."
        case .registryCA: "Certificates (PEM) that sign the registry's; those of the system unless said."
        case .registryCertificate: "The certificate (PEM) that is shown to the registry; with registry_key."
        case .registryKey: "The key (PEM) of registry_certificate."
        case .register:
            "Whether the services that run here are entered in the registry, true or false. false unless said."
        case .advertiseAddress:
            "Where others reach the services that run here, host:port. listen unless said, which must name an address then."
        case .routes: "Other paths the gateway passes on, /path=http://host:port, comma-separated."
        case .gatewayFile: "A YAML file with more upstreams and routes of the gateway; read again when it changes."
        case .adminListen:
            "Where the gateway is administered, a port of the loopback or host:port; nowhere unless said. The token is in admin.token in the data folder."
        case .trustedProxies: "Addresses (CIDR) whose Forwarded and X-Forwarded-* are believed, comma-separated."
        case .adminEmail: "The first administrator's e-mail address. admin@martlet.local unless said."
        case .adminPassword:
            "The first administrator's password; environment or file only. Generated and shown once unless said."
        case .registration: "Whether people may register themselves, open or closed. open unless said."
        case .accessTokenLifetime: "How long an access token lasts, in seconds. 300 unless said."
        case .refreshTokenLifetime: "How long a session lasts unused, in seconds. 1209600 (14 days) unless said."
        case .otlpEndpoint:
            "The OpenTelemetry collector that traces go to (OTLP over HTTP), http://host:4318; nowhere unless said."
        case .traceSample: "Which part of the requests is traced, from 0 to 1. 1 unless said."
        case .logLevel: "trace, debug, info, notice, warning, error or critical. info unless said."
        }
    }

    /// Never shown. A flag is read by every user of the machine: the administrator's password has none, and a database's
    /// or registry's URL with a password in it belongs into the environment or the file.
    var isSecret: Bool { self == .adminPassword || self == .databaseURL || self == .registryURL }
}

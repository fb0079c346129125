import Foundation
import Testing

/// Common mistakes. The message must name what is wrong, where, and what would be right.
@Suite(.inTurn) struct MistakeTests {
    struct Mistake: Sendable {
        let arguments: [String]
        var variables: [String: String] = [:]
        /// The text of `martlet.yaml`, passed with `--config`.
        var file: String?
        let said: [String]
    }

    private static let check = ["config", "check"]

    static let mistakes: [Mistake] = [
        Mistake(arguments: check + ["--listen", "9000"], said: ["listen", "127.0.0.1:9000"]),
        Mistake(arguments: check + ["--listen", ":9000"], said: ["listen", "0.0.0.0:9000"]),
        Mistake(arguments: check + ["--listen", "localhost"], said: ["listen", "no port", "host:port"]),
        Mistake(arguments: check + ["--listen", "https://a:1"], said: ["listen", "TLS", "gateway's file"]),
        Mistake(arguments: check + ["--port", "8080/tcp"], said: ["port", "8080/tcp", "0 to 65535"]),
        Mistake(arguments: check + ["--only", "gatway"], said: ["only", "gatway", "Did you mean 'gateway'?"]),
        Mistake(arguments: check + ["--only", "gateway accounts"], said: ["only", "gateway, accounts, catalog"]),
        Mistake(
            arguments: check, file: "services: {catalog: \"127.0.0.1:8002\"}\n",
            said: ["services", "catalog runs in this process", "only: gateway,accounts"]),
        Mistake(
            arguments: check + ["--only", "gateway,accounts", "--service", "catalog"],
            said: ["services", "'catalog'", "catalog=http://127.0.0.1:8002"]),
        Mistake(
            arguments: check + ["--only", "gateway,accounts", "--service", "catalog=http://a:1/base"],
            said: ["services", "'http://a:1/base' has a path", "http://host:port"]),
        Mistake(
            arguments: check + ["--only", "gateway,accounts", "--service", "catalog=https://a:1"],
            said: ["services", "must not use TLS", "http://host:port"]),
        Mistake(
            arguments: check + ["--only", "gateway,accounts", "--service", "katalog=http://a:1"],
            said: ["services", "Did you mean 'catalog'?"]),
        Mistake(
            arguments: check + ["--only", "accounts,catalog", "--service", "gateway=http://a:1"],
            said: ["services", "not a service"]),
        Mistake(arguments: check + ["--only", "gateway"], said: ["services", "accounts=http://127.0.0.1:8001"]),
        Mistake(arguments: check + ["--only", "catalog"], said: ["services", "accounts=http://127.0.0.1:8001"]),
        Mistake(
            arguments: check + ["--only", "accounts", "--gateway-file", "x.yaml"],
            said: ["gateway_file", "no gateway runs here", "only"]),
        Mistake(arguments: check + ["--route", "old=http://a:1"], said: ["routes", "'old'", "/old"]),
        Mistake(arguments: check + ["--route", "/old"], said: ["routes", "/reports=http://127.0.0.1:9000"]),
        Mistake(arguments: check + ["--log-level", "warn"], said: ["log_level", "'warn'", "trace, debug, info"]),
        Mistake(arguments: check + ["--log-level", "debgu"], said: ["Did you mean 'debug'?"]),
        Mistake(arguments: check + ["--registration", "off"], said: ["registration", "open", "closed"]),
        Mistake(arguments: check + ["--access-token-lifetime", "5m"], said: ["access_token_lifetime", "seconds"]),
        Mistake(
            arguments: check + ["--trusted-proxies", "10.0.0.0/8 10.1.0.0/16"], said: ["trusted_proxies", "10.0.0.0/8"]),
        Mistake(arguments: check + ["--trace-sample", "10%"], said: ["trace_sample", "'10%'", "0.1"]),
        Mistake(
            arguments: check + ["--otlp-endpoint", "127.0.0.1:4318"], said: ["otlp_endpoint", "http://127.0.0.1:4318"]),
        Mistake(arguments: check + ["--database-url", "postgresql//a/b"], said: ["database_url", "postgres://"]),
        Mistake(
            arguments: check + ["--database-url", "sqlite:~/x.sqlite"], said: ["database_url", "postgres://", "data_dir"]),
        Mistake(arguments: check + ["--only", "accounts", "--register"], said: ["register", "registry_url"]),
        Mistake(arguments: check + ["--admin-password", "x"], said: ["--admin-password", "MARTLET_ADMIN_PASSWORD"]),
        Mistake(arguments: ["--port", "8080"], said: ["--port", "martlet serve --port"]),
        Mistake(
            arguments: check, variables: ["MARTLET_DATADIR": "x"],
            said: ["MARTLET_DATADIR", "Did you mean 'MARTLET_DATA_DIR'?"]),
        Mistake(
            arguments: check, variables: ["MARTLET_DATABASE_URI": "x"], said: ["Did you mean 'MARTLET_DATABASE_URL'?"]),
        Mistake(
            arguments: check, file: "data-dir: x\n", said: ["martlet.yaml:1", "data-dir", "Did you mean 'data_dir'?"]),
        Mistake(arguments: check, file: "prot: 8080\n", said: ["martlet.yaml:1", "Did you mean 'port'?"]),
        Mistake(arguments: check, file: "8080\n", said: ["martlet.yaml", "port: 8080"]),
        Mistake(arguments: check + ["--config", "/tmp"], said: ["/tmp", "is a folder"]),
        Mistake(arguments: check + ["--config", "/nowhere/m.yaml"], said: ["/nowhere/m.yaml", "no such file"]),
        Mistake(arguments: ["import", "products", "/nowhere.csv"], said: ["/nowhere.csv", "no such file"]),
        Mistake(arguments: ["import", "products", "/tmp"], said: ["/tmp", "is a folder"]),
        Mistake(arguments: ["import", "products"], said: ["<file>"]),
        Mistake(arguments: ["import", "products.csv"], said: ["products.csv"]),
    ]

    @Test func mistakesAreAnsweredWithASuggestion() async throws {
        let folder = try TemporaryFolder.make("mistakes")
        for mistake in Self.mistakes {
            var arguments = mistake.arguments
            if let file = mistake.file {
                try Data(file.utf8).write(to: URL(filePath: folder + "/martlet.yaml"))
                arguments += ["--config", folder + "/martlet.yaml"]
            }
            let command = try await Command.run(TestEnvironment.binary(), arguments, variables: mistake.variables)
            #expect(command.status == 2, "\(arguments): \(command.standardError)")
            #expect(command.standardError.split(separator: "\n").count == 1, "\(arguments): \(command.standardError)")
            for part in mistake.said {
                #expect(command.standardError.contains(part), "\(arguments): '\(part)': \(command.standardError)")
            }
        }
    }
}

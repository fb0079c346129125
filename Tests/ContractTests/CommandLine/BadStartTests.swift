import Foundation
import MartletTesting
import Testing

/// An invalid setting is reported in one line, with exit status 2. Nothing keeps running or is left incomplete.
@Suite(.inTurn) struct BadStartTests {
    private func expectRefusal(
        _ command: Command, naming words: String..., lines: Int = 1, at location: SourceLocation = #_sourceLocation
    ) {
        let said = command.standardError
        #expect(command.status == 2, "\(said)", sourceLocation: location)
        #expect(said.split(separator: "\n").count == lines, "\(said)", sourceLocation: location)
        for word in words { #expect(said.contains(word), "\(word): \(said)", sourceLocation: location) }
        #expect(command.standardOutput.isEmpty, "\(command.standardOutput)", sourceLocation: location)
    }

    /// Flags, and the words that the line must contain.
    static let flags: [([String], [String])] = [
        (["serve", "--prot", "8080"], ["--prot"]), (["serve", "extra"], ["extra"]), (["frobnicate"], ["frobnicate"]),
        (["serve", "--port"], ["--port"]), (["serve", "--port", "abc"], ["port", "abc"]),
        (["serve", "--port", "65536"], ["port", "65536"]), (["serve", "--port", "-1"], ["port"]),
        (["serve", "--listen", "nonsense"], ["listen", "nonsense"]),
        (["serve", "--listen", "127.0.0.1:99999"], ["listen", "99999"]),
        (["serve", "--only", "gateway,orders"], ["only", "orders"]), (["serve", "--only", ""], ["only"]),
        (["serve", "--only", "gateway"], ["services"]), (["serve", "--only", "catalog"], ["accounts"]),
        (["serve", "--service", "catalog"], ["services", "catalog"]),
        (["serve", "--service", "catalog=http://127.0.0.1:1"], ["services", "catalog"]),
        (["serve", "--only", "gateway,accounts", "--service", "orders=http://127.0.0.1:1"], ["services", "orders"]),
        (["serve", "--only", "gateway,accounts", "--service", "catalog=ftp://x"], ["services", "ftp://x"]),
        (["serve", "--database-url", "mysql://x/y"], ["database_url"]),
        (["serve", "--database-url", "nonsense"], ["database_url"]),
        (["serve", "--log-level", "loud"], ["log_level", "loud"]),
        (["serve", "--registration", "maybe"], ["registration", "maybe"]),
        (["serve", "--access-token-lifetime", "1"], ["access_token_lifetime", "1"]),
        (["serve", "--trusted-proxies", "10.0.0.0/99"], ["trusted_proxies", "10.0.0.0/99"]),
        (["serve", "--route", "x=http://127.0.0.1:1"], ["routes", "x"]),
        (["serve", "--config", "/nowhere/martlet.yaml"], ["/nowhere/martlet.yaml"]),
        (["config", "check", "--port", "abc"], ["port", "abc"]),
    ]

    @Test func reportsAnInvalidFlag() async throws {
        let folder = try TemporaryFolder.make("flags")
        for (arguments, words) in Self.flags {
            let data = arguments.first == "frobnicate" ? [] : ["--data-dir", "\(folder)/data"]
            let command = try await Command.run(TestEnvironment.binary(), arguments + data)
            #expect(command.status == 2, "\(arguments): \(command.standardError)")
            #expect(command.standardError.split(separator: "\n").count == 1, "\(arguments): \(command.standardError)")
            for word in words {
                #expect(command.standardError.contains(word), "\(arguments): \(command.standardError)")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/data"), "nothing is created")
    }

    @Test func reportsAnUnknownVariable() async throws {
        let command = try await Command.martlet("config", "check", variables: ["MARTLET_PROT": "8080"])
        expectRefusal(command, naming: "MARTLET_PROT")
        let bad = try await Command.martlet("config", "check", variables: ["MARTLET_PORT": "abc"])
        expectRefusal(bad, naming: "port", "abc")
    }

    /// Kubernetes sets variables for the Services of its namespace in every container.
    @Test func ignoresKubernetesServiceVariables() async throws {
        let variables = [
            "MARTLET_SERVICE_HOST": "10.43.0.7", "MARTLET_SERVICE_PORT": "80", "MARTLET_SERVICE_PORT_HTTP": "80",
            "MARTLET_PORT": "tcp://10.43.0.7:80", "MARTLET_PORT_80_TCP": "tcp://10.43.0.7:80",
            "MARTLET_PORT_80_TCP_PROTO": "tcp", "MARTLET_PORT_80_TCP_PORT": "80",
            "MARTLET_PORT_80_TCP_ADDR": "10.43.0.7", "MARTLET_ACCOUNTS_SERVICE_HOST": "10.43.0.8",
            "MARTLET_ACCOUNTS_PORT": "udp://10.43.0.8:53", "MARTLET_ACCOUNTS_PORT_53_UDP_ADDR": "10.43.0.8",
        ]
        let check = try await Command.martlet("config", "check", variables: variables)
        #expect(check.status == 0, "\(check.standardError)")
        #expect(check.standardOutput.contains("127.0.0.1:8080"))
        let others = ["MARTLET_SERVICE_NAME": "x", "MARTLET_PORTS": "tcp://10.43.0.7:80"]
        expectRefusal(
            try await Command.martlet("config", "check", variables: others), naming: "MARTLET_SERVICE_NAME",
            "MARTLET_PORTS", lines: 2)
    }

    @Test func rejectsSettingsWithoutEffect() async throws {
        let service = ["--only", "catalog", "--service", "accounts=http://127.0.0.1:1"]
        for (arguments, words) in [
            (service + ["--gateway-file", "/nowhere.yaml"], ["gateway_file", "no gateway"]),
            (service + ["--admin-listen", "1234"], ["admin_listen", "no gateway"]),
            (["--registry-ca", "/nowhere.pem"], ["registry_ca: requires registry_url"]),
            (
                ["--registry-certificate", "/nowhere.pem", "--registry-key", "/nowhere.key"],
                ["registry_certificate: requires registry_url"]
            ),
        ] {
            for command in [["config", "check"], ["serve", "--data-dir", "/proc/nothing"]] {
                let said = try await Command.run(TestEnvironment.binary(), command + arguments)
                #expect(said.status == 2 && said.standardError.split(separator: "\n").count == 1)
                for word in words { #expect(said.standardError.contains(word), "\(said.standardError)") }
            }
        }
    }

    @Test func checkReadsTheGatewayFileAsServeDoes() async throws {
        let path = "\(try TemporaryFolder.make("gateway"))/gateway.yaml"
        func check(_ yaml: String, _ command: [String]) async throws -> Command {
            try Data(yaml.utf8).write(to: URL(filePath: path))
            return try await Command.run(TestEnvironment.binary(), command)
        }
        let both = [["config", "check", "--gateway-file", path], ["gateway", "check", path]]
        for command in both {
            // The platform's own upstreams exist, and its routes are reserved.
            let good = try await check("routes: [{prefix: /shop, upstream: catalog}]\n", command)
            #expect(good.status == 0, "\(good.standardError)")
            expectRefusal(
                try await check(
                    "routes:\n- {prefix: /api/products, upstream: catalog}\n- {path: /metrics, respond: {}}\n", command),
                naming: "gateway.yaml:2: routes[0].prefix: '/api/products'",
                "gateway.yaml:3: routes[1].path: '/metrics'",
                lines: 2)
            // A gateway alone has neither.
            let alone = try await check("routes: [{prefix: /a, upstream: catalog}]\n", command + ["--only", "gateway"])
            expectRefusal(alone, naming: "gateway.yaml:1: routes[0].upstream: there is no upstream 'catalog'")
            try FileManager.default.removeItem(atPath: path)
            expectRefusal(
                try await Command.run(TestEnvironment.binary(), command), naming: "gateway.yaml: cannot be read")
        }
    }

    @Test func reportsTheLineOfAnUnknownKey() async throws {
        let folder = try TemporaryFolder.make("yaml")
        func check(_ yaml: String) async throws -> Command {
            let path = "\(folder)/martlet.yaml"
            try Data(yaml.utf8).write(to: URL(filePath: path))
            return try await Command.martlet("config", "check", "--config", path)
        }
        expectRefusal(try await check("port: 8080\nlog_level: info\nprot: 1\n"), naming: "martlet.yaml:3", "prot")
        expectRefusal(try await check("port: abc\n"), naming: "port", "abc")
        expectRefusal(try await check("port: [1, [2]]\n"), naming: "martlet.yaml:1", "port")
        expectRefusal(try await check("- port\n"), naming: "martlet.yaml")
        expectRefusal(try await check("port: 1\n  x: : :\n"), naming: "martlet.yaml")
        expectRefusal(try await check("port: 8080\nlog_level: [\n"), naming: "martlet.yaml")
        expectRefusal(try await check("port: 8080\nport: 8081\n"), naming: "martlet.yaml", "port")
        #expect(try await check("").status == 0)
        let good = try await check(
            "only: [gateway, accounts]\nservices:\n  catalog: http://127.0.0.1:9000\nport: 8181\n")
        #expect(good.status == 0, "\(good.standardError)")
        #expect(good.standardOutput.contains("8181"))
    }

    @Test func reportsEveryInvalidSettingAtOnce() async throws {
        let command = try await Command.martlet("config", "check", "--port", "abc", "--log-level", "loud")
        expectRefusal(command, naming: "port", "log_level", lines: 2)
    }

    @Test func flagsComeBeforeVariablesBeforeTheFile() async throws {
        let path = "\(try TemporaryFolder.make("order"))/martlet.yaml"
        try Data("port: 7001\n".utf8).write(to: URL(filePath: path))
        let file = try await Command.martlet("config", "check", "--config", path)
        #expect(file.standardOutput.contains("7001"))
        let variables = ["MARTLET_PORT": "7002"]
        let variable = try await Command.martlet("config", "check", "--config", path, variables: variables)
        #expect(variable.standardOutput.contains("7002"))
        let flag = try await Command.martlet(
            "config", "check", "--config", path, "--port", "7003", variables: variables)
        #expect(flag.standardOutput.contains("7003"))
    }

    @Test func reportsAPortInUse() async throws {
        let platform = try await Deployment.oneProcessOnSQLite.platform()
        let folder = try TemporaryFolder.make("port")
        let command = try await Command.martlet("serve", "--port", "\(platform.port)", "--data-dir", "\(folder)/data")
        expectRefusal(command, naming: "in use", "\(platform.port)")
        let service = try await Command.martlet(
            "serve", "--only", "accounts", "--listen", "127.0.0.1:\(platform.port)", "--data-dir", "\(folder)/other")
        expectRefusal(service, naming: "in use", "\(platform.port)")
        for made in ["data", "other"] {
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(made)")) ?? []
            #expect(!files.contains { $0.hasSuffix(".sqlite") }, "\(made): \(files)")
        }
        #expect(try await platform.api.get("/health/ready").status == 200, "the running platform is unaffected")
    }

    @Test func reportsADataFolderInUse() async throws {
        let platform = try await Deployment.oneProcessOnSQLite.platform()
        let data = try #require(platform.dataFolder("martlet"))
        let command = try await Command.martlet("serve", "--port", "\(try FreePort.choose())", "--data-dir", data)
        expectRefusal(command, naming: "data_dir", data)
        #expect(try await platform.api.get("/health/ready").status == 200, "the running platform is unaffected")
    }

    @Test func reportsAnUnusableDataFolder() async throws {
        let folder = try TemporaryFolder.make("file")
        try Data().write(to: URL(filePath: folder + "/file"))
        for path in [folder + "/file", folder + "/file/data", "/proc/nothing"] {
            let command = try await Command.martlet("serve", "--port", "0", "--data-dir", path)
            expectRefusal(command, naming: "data_dir", path)
        }
    }

    @Test func rejectsAWeakAdministratorPassword() async throws {
        let folder = try TemporaryFolder.make("weak")
        for password in ["short", "password1234"] {
            let variables = ["MARTLET_ADMIN_PASSWORD": password]
            let command = try await Command.martlet(
                "serve", "--port", "0", "--data-dir", "\(folder)/data", variables: variables)
            expectRefusal(command, naming: "admin")
            #expect(!command.standardError.contains(password))
            let check = try await Command.martlet("config", "check", variables: variables)
            #expect(check.status == 2, "\(check.standardError)")
        }
        let email = try await Command.martlet("config", "check", "--admin-email", "nobody")
        expectRefusal(email, naming: "nobody")
    }

    /// Flags are visible in the list of processes.
    @Test func takesNoPasswordFromAFlag() async throws {
        let command = try await Command.martlet("serve", "--admin-password", "Quartz-umbrella-73-vivid")
        #expect(command.status == 2)
    }

    @Test func explainsItself() async throws {
        let help = try await Command.martlet("--help")
        #expect(help.status == 0)
        #expect(help.standardOutput.contains("serve"))
        #expect(try await Command.martlet("--version").status == 0)
        let keys = try await Command.martlet("config", "keys")
        #expect(keys.status == 0)
        for key in ["data_dir", "MARTLET_DATABASE_URL", "log_level"] { #expect(keys.standardOutput.contains(key)) }
    }
}

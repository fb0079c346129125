import Foundation
import MartletTesting
import Testing

/// Flags override the environment, which overrides the file.
@Suite struct SettingSourceTests {
    private func check(
        _ arguments: [String], _ variables: [String: String] = [:], file: String? = nil
    ) async throws -> Command {
        var arguments = ["config", "check"] + arguments
        if let file {
            let path = try TemporaryFolder.make("sources") + "/martlet.yaml"
            try Data(file.utf8).write(to: URL(filePath: path))
            arguments += ["--config", path]
        }
        return try await Command.run(TestEnvironment.binary(), arguments, variables: variables)
    }

    @Test func portReplacesOnlyAnAddressOfAWeakerSource() async throws {
        let flag = try await check(
            ["--listen", "127.0.0.1:9000"], ["MARTLET_PORT": "8081"], file: "port: 7000\n")
        #expect(flag.standardOutput.contains("127.0.0.1:9000"), "\(flag.standardOutput)\(flag.standardError)")
        let port = try await check(["--port", "8082"], ["MARTLET_LISTEN": "127.0.0.2:9000"])
        #expect(port.standardOutput.contains("127.0.0.2:8082"), "\(port.standardOutput)\(port.standardError)")
    }

    @Test(arguments: ["--port", "--data-dir", "--log-level"]) func rejectsRepeatedFlags(flag: String) async throws {
        let command = try await check([flag, "1", flag, "2"])
        #expect(command.status == 2)
        #expect(command.standardError.contains("\(flag) is given more than once"), "\(command.standardError)")
    }

    @Test func joinsRepeatedParts() async throws {
        let command = try await check(["--only", "gateway", "--only", "accounts", "--service", "catalog=http://a:1"])
        #expect(
            command.standardOutput.contains("accounts, gateway"), "\(command.standardOutput)\(command.standardError)")
    }

    @Test(arguments: [
        ["--database-url", "postgres://u:hunter2%zz@h/db"], ["--route", "http://u:hun=ter2@h:1"],
        ["--service", "http://u:hun=ter2@h:1"],
    ])
    func errorsDoNotShowPasswords(arguments: [String]) async throws {
        let command = try await check(arguments)
        #expect(command.status == 2)
        #expect(!command.standardError.contains("hun"), "\(command.standardError)")
    }
}

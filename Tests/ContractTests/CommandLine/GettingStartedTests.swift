import Foundation
import MartletTesting
import Testing

/// The first minutes: the program can be installed and started anywhere, and reports what is missing.
@Suite(.inTurn) struct GettingStartedTests {
    /// Installs the binary in its own `bin` folder, outside the repository.
    private func installed(console: Bool) throws -> (program: String, folder: String) {
        let folder = try TemporaryFolder.make("installed")
        let files = FileManager.default
        try files.createDirectory(atPath: folder + "/bin", withIntermediateDirectories: false)
        let binary = try TestEnvironment.binary()
        do {
            try files.linkItem(atPath: binary, toPath: folder + "/bin/martlet")
        } catch {
            try files.copyItem(atPath: binary, toPath: folder + "/bin/martlet")
        }
        if console {
            let share = folder + "/share/martlet/console"
            try files.createDirectory(atPath: share, withIntermediateDirectories: true)
            try Data(Console.page.utf8).write(to: URL(filePath: share + "/index.html"))
        }
        return (folder + "/bin/martlet", folder)
    }

    private func start(_ program: String, _ folder: String, port: Int, _ more: String...) async throws -> (
        ChildProcess, String
    ) {
        // Called through a link, as from a folder in the PATH.
        let link = "\(try TemporaryFolder.make("link"))/martlet"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: program)
        let process = try ChildProcess(
            link, ["serve", "--port", "\(port)", "--data-dir", "\(folder)/data"] + more,
            folder: TemporaryFolder.make("elsewhere"))
        let greeting = try await eventually("the greeting") {
            if let ending = process.ending { throw Command.Failed(description: "\(ending): \(process.standardError)") }
            return process.standardOutput.contains("Martlet is at") ? process.standardOutput : nil
        }
        return (process, greeting)
    }

    @Test func findsTheConsoleBesideTheProgram() async throws {
        let (program, folder) = try installed(console: true)
        let port = try FreePort.choose()
        let (process, greeting) = try await start(program, folder, port: port)
        #expect(greeting.contains("sign in as"), "\(greeting)")
        #expect(try await API(port: port).get("/").text == Console.page)
        try await process.stop()
    }

    @Test func reportsAMissingConsole() async throws {
        let (program, folder) = try installed(console: false)
        let port = try FreePort.choose()
        let (process, _) = try await start(program, folder, port: port)
        let greeting = try await eventually("all of the greeting") {
            process.standardOutput.contains("console_dir") ? process.standardOutput : nil
        }
        #expect(greeting.contains("No console was found") && !greeting.contains("sign in"), "\(greeting)")
        #expect(greeting.contains("/openapi.json") && !greeting.contains("/docs"), "\(greeting)")
        try await process.stop()
        let wrong = try await Command.martlet(
            "serve", "--console-dir", folder, "--data-dir", "\(folder)/data", "--port", "\(port)")
        #expect(wrong.status == 2 && wrong.standardError.contains("console_dir"), "\(wrong.standardError)")
    }

    /// A shell expands `~` only at the start of a word: not in a file, and not after `=`.
    @Test func expandsTheHomeFolder() async throws {
        let home = try TemporaryFolder.make("home")
        let sample = "\(TestEnvironment.repository.path)/Examples/Products/products.csv"
        try FileManager.default.copyItem(atPath: sample, toPath: home + "/sample.csv")
        try Data("data_dir: ~/data\n".utf8).write(to: URL(filePath: home + "/martlet.yaml"))
        let command = try await Command.martlet(
            "import", "products", "~/sample.csv", "--create", "--config", "~/martlet.yaml", variables: ["HOME": home])
        #expect(command.status == 0, "\(command.standardError)")
        #expect(FileManager.default.fileExists(atPath: home + "/data/catalog.sqlite"))
        for (key, flag) in [
            ("data_dir", "--data-dir"), ("console_dir", "--console-dir"), ("gateway_file", "--gateway-file"),
            ("registry_ca", "--registry-ca"), ("config", "--config"),
        ] {
            let other = try await Command.martlet("config", "check", flag, "~somebody/x")
            #expect(other.status == 2)
            #expect(
                other.standardError.contains(key) && other.standardError.contains("~somebody/x")
                    && other.standardError.contains("full path"), "\(other.standardError)")
        }
    }

    @Test func helpShowsExampleValues() async throws {
        let serve = try await Command.martlet("serve", "--help").standardOutput
        for part in [
            "--listen <host:port>", "Default: 127.0.0.1:8080.", "--data-dir <folder>", "--log-level <level>",
            "--service <catalog=http://host:port>",
        ] { #expect(serve.contains(part), "\(part): \(serve)") }
        #expect(!serve.contains("unless said"))
        let load = try await Command.martlet("import", "products", "--help").standardOutput
        for part in ["--map", "--preset", "--update-by", "--preview", "--data-dir", "--database-url", "--config"] {
            #expect(load.contains(part), "\(part): \(load)")
        }
        for part in ["--listen", "--trusted-proxies", "--registry-url", "--log-level"] {
            #expect(!load.contains(part), "\(part): \(load)")
        }
    }

    @Test(arguments: ["short", String(repeating: "x", count: 63), "", "\(String(repeating: "y", count: 64)) z"])
    func keepsAnExistingToken(_ token: String) async throws {
        let folder = try TemporaryFolder.make("token")
        try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: false)
        try Data(token.utf8).write(to: URL(filePath: folder + "/data/admin.token"))
        let command = try await Command.martlet(
            "serve", "--port", "\(try FreePort.choose())", "--data-dir", "\(folder)/data", "--admin-listen",
            "\(try FreePort.choose())")
        #expect(command.status == 2)
        #expect(
            command.standardError.contains("admin.token") && command.standardError.contains("64 characters"),
            "\(command.standardError)")
        #expect(token.isEmpty || !command.standardError.contains(token))
        #expect(try String(contentsOfFile: folder + "/data/admin.token", encoding: .utf8) == token)
    }

    /// In a container every start has the same process id, even after one that was killed while writing the token.
    @Test func completesATokenOfAnInterruptedStart() async throws {
        let folder = try TemporaryFolder.make("draft")
        let process = try ChildProcess(
            "/bin/sh",
            [
                "-c", #"mkdir data && : >data/admin.token.$$ && exec "$@""#, "sh", TestEnvironment.binary(), "serve",
                "--port", "\(try FreePort.choose())", "--data-dir", "\(folder)/data", "--admin-listen",
                "\(try FreePort.choose())",
            ], folder: folder)
        let token = try await eventually("the token") {
            if let ending = process.ending { throw Command.Failed(description: "\(ending): \(process.standardError)") }
            return try String(contentsOfFile: folder + "/data/admin.token", encoding: .utf8)
        }
        #expect(token.utf8.count == 64)
        try await process.stop()
    }
}

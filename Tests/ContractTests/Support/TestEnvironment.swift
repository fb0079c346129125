import Foundation

/// The tools and servers that tests need. A missing one fails the tests that need it, with a hint on how to get it.
enum TestEnvironment {
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// The binary under test: `MARTLET_BINARY`, or the one built beside the test bundle.
    static func binary() throws -> String {
        let path = variable("MARTLET_BINARY") ?? buildFolder.appending(path: "martlet").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Missing(description: "There is no binary at \(path). Build it, or set MARTLET_BINARY.")
        }
        return path
    }

    /// The superuser URL of the PostgreSQL server that script/test starts.
    static func postgresURL() throws -> String {
        guard let url = variable("MARTLET_TEST_POSTGRES_URL") else {
            throw Missing(
                description: "MARTLET_TEST_POSTGRES_URL is not set. script/test starts a PostgreSQL and sets it, "
                    + "for example to postgres://martlet@127.0.0.1:55432/postgres.")
        }
        return url
    }

    /// The folder with `postgres` and `initdb`, for tests that stop a server: `MARTLET_TEST_POSTGRES_BIN`, or Debian's
    /// newest version.
    static func postgresBinaries() throws -> String {
        if let path = variable("MARTLET_TEST_POSTGRES_BIN") { return path }
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap(Int.init).sorted().last { version in
            FileManager.default.isExecutableFile(atPath: "\(root)/\(version)/bin/initdb")
        }
        guard let newest else {
            throw Missing(description: "There is no initdb below \(root). Set MARTLET_TEST_POSTGRES_BIN.")
        }
        return "\(root)/\(newest)/bin"
    }

    /// The repository, found from the path of this file.
    static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The variables for child processes, without the settings of the user who runs the tests.
    static let cleanVariables: [String: String] = {
        let kept = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"]
        return ProcessInfo.processInfo.environment.filter { kept.contains($0.key) }
    }()

    private static let buildFolder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

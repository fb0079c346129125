import Foundation
import MartletTesting
import Testing

/// A failed start closes the databases as cleanly as a shutdown does.
@Suite(.inTurn) struct FailedStartTests {
    private func serve(_ folder: String) throws -> ChildProcess {
        try ChildProcess(
            TestEnvironment.binary(), ["serve", "--port", "\(FreePort.choose())", "--data-dir", "\(folder)/data"],
            folder: TemporaryFolder.make("serve"))
    }

    @Test func closesTheDatabasesWhenAServiceCannotListen() async throws {
        let folder = try TemporaryFolder.make("failed")
        // A folder that is not empty stands in place of the catalog's socket.
        let obstacle = "\(folder)/data/run/catalog.sock"
        for path in ["\(folder)/data", "\(folder)/data/run", obstacle] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        try "x".write(toFile: obstacle + "/x", atomically: true, encoding: .utf8)
        let process = try serve(folder)
        let ending = try await process.ended(within: .seconds(60))
        #expect(ending != .exited(0), "\(process.standardError)")
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/data")
        #expect(files.contains { $0.hasPrefix("accounts") && $0.hasSuffix("sqlite") }, "\(files)")
        // SQLite removes its log when the last connection closes.
        #expect(!files.contains { $0.hasSuffix("-wal") }, "\(files)")
    }
}

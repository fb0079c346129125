import Foundation
import MartletTesting

/// A dedicated etcd, for tests that stop it.
struct OwnEtcd: Sendable {
    private let folder: String
    private let port: Int
    private let peerPort: Int

    static func make() throws -> OwnEtcd {
        OwnEtcd(folder: try TemporaryFolder.make("etcd"), port: try FreePort.choose(), peerPort: try FreePort.choose())
    }

    var url: String { "etcd://127.0.0.1:\(port)" }

    func start() async throws -> ChildProcess {
        let (client, peer) = ("http://127.0.0.1:\(port)", "http://127.0.0.1:\(peerPort)")
        let process = try ChildProcess(
            "/usr/bin/env",
            [
                "etcd", "--name", "test", "--data-dir", "\(folder)/data", "--listen-client-urls", client,
                "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", "test=\(peer)", "--log-level", "error", "--unsafe-no-fsync",
            ], folder: folder)
        try await eventually("etcd's start") {
            if let ending = process.ending {
                throw Command.Failed(
                    description:
                        "etcd \(ending): \(process.standardError); script/bootstrap --test installs etcd-server")
            }
            return try await API(port: port).get("/health").status == 200
        }
        return process
    }

    /// Deletes all data. The server must not be running.
    func forget() throws { try FileManager.default.removeItem(atPath: "\(folder)/data") }
}

import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import MartletDiscovery

/// A cluster of three real etcds, of which two are needed for a leader.
final class EtcdCluster: Sendable {
    let urls: [String]
    private let processes: [ServerProcess]

    var registry: EtcdRegistry { EtcdRegistry(hosts: urls) }

    private init(_ folder: URL) throws {
        let names = ["a", "b", "c"]
        urls = try names.map { _ in "http://127.0.0.1:\(try FreePort.choose())" }
        let peers = try names.map { _ in "http://127.0.0.1:\(try FreePort.choose())" }
        let members = zip(names, peers).map { "\($0)=\($1)" }.joined(separator: ",")
        var processes: [ServerProcess] = []
        for ((name, url), peer) in zip(zip(names, urls), peers) {
            processes.append(
                try ServerProcess(
                    "etcd",
                    [
                        "--name", name, "--data-dir", folder.appending(path: name).path, "--listen-client-urls", url,
                        "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                        peer, "--initial-cluster", members, "--log-level", "error", "--unsafe-no-fsync",
                    ]))
        }
        self.processes = processes
    }

    static func with(_ body: (EtcdCluster) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let cluster = try EtcdCluster(folder)
            do {
                try await eventually("a leader") {
                    let isRunning = cluster.processes.allSatisfy { $0.isRunning }
                    try #require(isRunning, "etcd does not run")
                    return (try? await EtcdClient(cluster.registry).call("/v3/kv/range", ["key": .base64("x")])) != nil
                }
                try await body(cluster)
            } catch {
                for process in cluster.processes { try await process.end() }
                throw error
            }
            for process in cluster.processes { try await process.end() }
        }
    }

    /// Sends a signal to all members but the first.
    func signalOthers(_ signal: Int32) { for process in processes.dropFirst() { process.send(signal) } }
}

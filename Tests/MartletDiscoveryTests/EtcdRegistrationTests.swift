import Logging
import MartletDiscovery
import MartletTesting
import Testing

/// Services that register themselves in a real etcd.
@Suite struct EtcdRegistrationTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func registration(_ etcd: Etcd, port: Int) throws -> EtcdRegistration {
        try EtcdRegistration(
            etcd.registry, services: ["shop", "depot"], url: "http://10.0.0.1:\(port)", lifetime: .seconds(2),
            logger: logger)
    }

    private func source(_ etcd: Etcd, _ service: String = "shop") -> DiscoverySource {
        .etcd(EtcdSource(etcd.registry, prefix: EtcdSource.prefix(of: service)))
    }

    /// Keeps the registration while `body` runs; then stops without telling etcd.
    private func keeping(_ registration: EtcdRegistration, _ body: () async throws -> Void) async throws {
        let task = Task { await registration.keep() }
        do {
            try await body()
        } catch {
            task.cancel()
            throw error
        }
        task.cancel()
        await task.value
    }

    @Test func registersAndLeaves() async throws {
        try await Etcd.with { etcd in
            let process = try await etcd.start()
            let (first, second) = (try registration(etcd, port: 1), try registration(etcd, port: 2))
            try await withDiscovery(source(etcd)) { found in
                try await found.becomes()
                try await keeping(first) {
                    try await found.becomes("10.0.0.1:1")
                    try await keeping(second) {
                        try await found.becomes("10.0.0.1:1", "10.0.0.1:2")
                        try await withDiscovery(source(etcd, "depot")) {
                            try await $0.becomes("10.0.0.1:1", "10.0.0.1:2")
                        }
                        // Longer than the lease, so it is renewed.
                        let lists = found.lists
                        try await letTimePass(.seconds(3), because: "a lease that is renewed does not run out")
                        #expect(found.lists == lists)
                    }
                    await second.leave()
                    try await found.becomes("10.0.0.1:1")
                }
                // The lease is not renewed, as if the process had died.
                try await found.becomes()
            }
            try await process.end()
        }
    }

    @Test func registersAgainWhenEtcdHasLostIt() async throws {
        try await Etcd.with { etcd in
            var process = try await etcd.start()
            try await keeping(registration(etcd, port: 1)) {
                try await withDiscovery(source(etcd)) { try await $0.becomes("10.0.0.1:1") }
                try await process.end()
                process = try await etcd.start(data: "empty")
                try await withDiscovery(source(etcd)) { try await $0.becomes("10.0.0.1:1") }
            }
            try await process.end()
        }
    }
}

import AsyncHTTPClient
import Foundation
import Logging
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletDiscovery

/// Messages of etcd, and a real etcd.
@Suite struct EtcdTests {
    private func message(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    private func header(_ revision: Int, cluster: String = "1") -> String {
        #""header":{"cluster_id":"\#(cluster)","revision":"\#(revision)"}"#
    }

    private func pair(_ key: String, _ value: String) -> String {
        let (key, value) = (Data(key.utf8).base64EncodedString(), Data(value.utf8).base64EncodedString())
        return #"{"key":"\#(key)","value":"\#(value)"}"#
    }

    private func hosts(_ step: EtcdWatchState.Step) -> [String]? {
        guard case .changed(let list) = step else { return nil }
        return list.endpoints.map(\.endpoint.description).sorted()
    }

    private func listed(_ pairs: [(String, String)]) throws -> RegistryList {
        var state = EtcdWatchState()
        try state.list(message("{\(header(7)),\"kvs\":[\(pairs.map { pair($0, $1) }.joined(separator: ","))]}"))
        return state.list
    }

    private func listed() throws -> EtcdWatchState {
        var state = EtcdWatchState()
        try state.list(message("{\(header(7)),\"kvs\":[\(pair("/s/a", "http://10.0.0.1:80"))]}"))
        return state
    }

    @Test func followsPutsAndDeletes() throws {
        var state = try listed()
        #expect(state.list.endpoints.map(\.endpoint) == [.tcp(host: "10.0.0.1", port: 80)])
        let put = try state.receive(
            message("{\"result\":{\(header(8)),\"events\":[{\"kv\":\(pair("/s/b", "http://10.0.0.2:80"))}]}}"))
        #expect(hosts(put) == ["http://10.0.0.1:80", "http://10.0.0.2:80"])
        let delete = try state.receive(
            message("{\"result\":{\(header(9)),\"events\":[{\"type\":\"DELETE\",\"kv\":\(pair("/s/a", ""))}]}}"))
        #expect(hosts(delete) == ["http://10.0.0.2:80"])
        #expect(state.revision == 9)
        // A sign of life.
        let step = try state.receive(message("{\"result\":{\(header(12))}}"))
        #expect(step == .unchanged)
        #expect(state.revision == 12)
    }

    @Test func readsAgainAfterACompaction() throws {
        var state = try listed()
        let step = try state.receive(
            message("{\"result\":{\(header(0)),\"canceled\":true,\"compact_revision\":\"20\"}}"))
        #expect(step == .relist)
    }

    @Test func readsAgainWhenHistoryIsLost() throws {
        var state = try listed()
        var step = try state.receive(message("{\"result\":{\(header(7)),\"created\":true}}"))
        #expect(step == .unchanged)
        step = try state.receive(message("{\"result\":{\(header(2)),\"created\":true}}"))
        #expect(step == .relist)
        step = try state.receive(message("{\"result\":{\(header(9, cluster: "2")),\"created\":true}}"))
        #expect(step == .relist)
    }

    @Test(arguments: [
        #"{"error":{"message":"etcdserver: permission denied"}}"#, #"{"result":{"canceled":true,"cancel_reason":"x"}}"#,
        "{}", "[]",
    ])
    func endedWatchHasFailed(_ text: String) throws {
        var state = try listed()
        #expect(throws: RegistryError.self) { _ = try state.receive(message(text)) }
    }

    @Test(arguments: [
        ("http://10.0.0.1:80", 1), ("10.0.0.1:80", 1), (#"{"url":"http://10.0.0.1:80","weight":7}"#, 7),
        (#"{"url":"http://10.0.0.1:80","weight":1000000}"#, 100), (#"{"url":"http://10.0.0.1:80","weight":-5}"#, 1),
    ])
    func readsValues(_ value: String, _ weight: Int) throws {
        let list = try listed([("/s/a", value)])
        #expect(list.endpoints == [DiscoveredEndpoint(.tcp(host: "10.0.0.1", port: 80), weight: weight)])
        #expect(list.unusable.isEmpty)
    }

    @Test func scalesLargeWeights() throws {
        let list = try listed([
            ("/s/a", #"{"url":"http://10.0.0.1:80","weight":1000}"#),
            ("/s/b", #"{"url":"http://10.0.0.2:80","weight":500}"#),
        ])
        #expect(list.endpoints.map(\.weight).sorted() == [50, 100])
    }

    @Test(arguments: [
        "unix:/var/run/docker.sock", "http://10.0.0.1", "http://10.0.0.1:0", "{", "{}", "", "http://a b:80",
        "http://a\r\nX:1:80", "https://10.0.0.1:443/x",
    ])
    func reportsAndSkipsInvalidEntries(_ value: String) throws {
        let list = try listed([("/s/b", "http://10.0.0.1:80"), ("/s/a", value)])
        #expect(list.endpoints.map(\.endpoint) == [.tcp(host: "10.0.0.1", port: 80)])
        #expect(list.unusable == ["/s/a"])
    }

    @Test func limitsReportedEntries() throws {
        let list = try listed((1000..<2000).map { ("/s/\($0)" + String(repeating: "x", count: 500), "?") })
        #expect(list.unusable.count == 100)
        #expect(list.unusable.allSatisfy { $0.utf8.count == 200 })
    }

    @Test func readsURLs() throws {
        let registry = try EtcdRegistry(url: "etcd://root:p%40ss:x@a:2379,[::1]:2380/")
        #expect(
            registry == EtcdRegistry(hosts: ["http://a:2379", "http://[::1]:2380"], user: "root", password: "p@ss:x"))
        #expect(try EtcdRegistry(url: "https://a:2379").hosts == ["https://a:2379"])
        for wrong in [
            "a:2379", "etcd://", "etcd://a", "etcd://@a:1", "redis://a:1", "etcd://a:2379/path", "etcd://a:0",
        ] {
            #expect(throws: EtcdRegistry.ParseError.self, "\(wrong)") { try EtcdRegistry(url: wrong) }
        }
        #expect(EtcdWatcher.end(of: "/martlet/services/a/") == "/martlet/services/a0")
    }

    @Test func renewsTokensThatEtcdRejects() {
        for reason in ["invalid auth token", "revision of auth store is old", "user name is empty"] {
            #expect(EtcdClient.isRefused(RegistryError("/v3/kv/put: etcdserver: \(reason)", status: 400)), "\(reason)")
        }
        #expect(EtcdClient.isRefused(RegistryError("x", status: 401)))
        #expect(!EtcdClient.isRefused(RegistryError("/v3/kv/put: etcdserver: permission denied", status: 403)))
    }

    @Test func readsLinesInPieces() throws {
        var lines = JSONLines()
        var values: [JSONValue] = []
        for byte in "{\"a\":1}\n\n[2]\n{\"b\"".utf8 { values += try lines.append([byte]) }
        #expect(values == [["a": 1], [2]])
        #expect(throws: (any Error).self) { try lines.append(Array("}\n".utf8)) }
    }

    // MARK: a real etcd

    private let noLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func put(_ etcd: Etcd, _ key: String, _ value: String) async throws {
        _ = try await EtcdClient(etcd.registry).call("/v3/kv/put", ["key": .base64(key), "value": .base64(value)])
    }

    private func delete(_ etcd: Etcd, _ key: String) async throws {
        _ = try await EtcdClient(etcd.registry).call("/v3/kv/deleterange", ["key": .base64(key)])
    }

    private func source(_ etcd: Etcd) -> DiscoverySource { .etcd(EtcdSource(etcd.registry, prefix: "/s/shop/")) }

    @Test func followsTheKeysBelowAPrefix() async throws {
        try await Etcd.with { etcd in
            let process = try await etcd.start()
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            try await put(etcd, "/s/shopping/a", "http://10.9.9.9:80")
            try await withDiscovery(source(etcd)) { found in
                try await found.becomes("10.0.0.1:80")
                try await put(etcd, "/s/shop/b", "http://10.0.0.2:80")
                try await found.becomes("10.0.0.1:80", "10.0.0.2:80")
                try await delete(etcd, "/s/shop/a")
                try await found.becomes("10.0.0.2:80")
                try await delete(etcd, "/s/shop/b")
                try await found.becomes()
            }
            try await process.end()
        }
    }

    @Test func keepsTheListWhileEtcdIsDownAndRecovers() async throws {
        try await Etcd.with { etcd in
            var process = try await etcd.start()
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            let log = RecordedLog()
            try await withDiscovery(source(etcd), emptyHold: .seconds(60), log: log) { found in
                try await found.becomes("10.0.0.1:80")
                try await process.end()
                try await eventually("the loss") { found.isReachable == false }
                #expect(found.hosts == ["10.0.0.1:80"])
                // The same etcd with its data.
                process = try await etcd.start()
                try await put(etcd, "/s/shop/b", "http://10.0.0.2:80")
                try await found.becomes("10.0.0.1:80", "10.0.0.2:80")
                #expect(log.lines.filter { $0.hasPrefix("warning") }.count == 1, "\(log.lines)")
                // An etcd without its data: no endpoint is dropped before the services are back.
                try await process.end()
                process = try await etcd.start(data: "empty")
                try await put(etcd, "/s/shop/c", "http://10.0.0.3:80")
                try await found.becomes("10.0.0.3:80")
            }
            try await process.end()
        }
    }

    @Test func continuesAfterACompaction() async throws {
        try await Etcd.with { etcd in
            let process = try await etcd.start()
            let client = try EtcdClient(etcd.registry)
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            try await put(etcd, "/s/shop/a", "http://10.0.0.2:80")
            let range = try await client.call("/v3/kv/range", ["key": .base64("/s/shop/a")])
            let revision = try #require(range["header"]?["revision"]?.int64)
            _ = try await client.call("/v3/kv/compaction", ["revision": .string("\(revision)")])
            // The message of etcd for a compacted revision.
            var state = EtcdWatchState()
            var steps: [EtcdWatchState.Step] = []
            try await client.stream(
                "/v3/watch", ["create_request": ["key": .base64("/s/shop/a"), "start_revision": "1"]]
            ) { message in
                steps.append(try state.receive(message))
                return steps.last != .relist
            }
            #expect(steps.last == .relist)
            try await process.end()
        }
    }

    @Test func authenticatesAgainWhenItsTokenIsLost() async throws {
        try await Etcd.with { etcd in
            var process = try await etcd.start()
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            let client = try EtcdClient(etcd.registry)
            for (call, body) in [
                ("user/add", ["name": "root", "password": "s3cret"]), ("user/grant", ["user": "root", "role": "root"]),
                ("enable", [:]),
            ] as [(String, JSONValue)] {
                _ = try await client.call("/v3/auth/\(call)", body)
            }
            let log = RecordedLog()
            try await withDiscovery(source(etcd), log: log) { found in
                try await eventually("the refusal") { found.isReachable == false }
                #expect(found.hosts == nil)
            }
            var registry = etcd.registry
            registry.user = "root"
            registry.password = "s3cret"
            let known = try EtcdClient(registry)
            let isThere = try await known.call("/v3/kv/range", ["key": .base64("/s/shop/a")])
            #expect(isThere["count"]?.int64 == 1)
            try await withDiscovery(.etcd(EtcdSource(registry, prefix: "/s/shop/"))) { found in
                try await found.becomes("10.0.0.1:80")
            }
            // etcd keeps tokens only in memory.
            try await process.end()
            process = try await etcd.start()
            let isStillThere = try await known.call("/v3/kv/range", ["key": .base64("/s/shop/a")])
            #expect(isStillThere["count"]?.int64 == 1)
            registry.password = "wrong"
            let stranger = try EtcdClient(registry)
            await #expect(throws: RegistryError.self) { try await stranger.call("/v3/kv/range", ["key": .base64("/")]) }
            try await process.end()
        }
    }

    @Test func usesTLSWithAClientCertificate() async throws {
        try await Etcd.with(isSecure: true) { etcd in
            let process = try await etcd.start()
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            try await withDiscovery(source(etcd)) { try await $0.becomes("10.0.0.1:80") }
            var registry = etcd.registry
            registry.tls?.certificate = nil
            registry.tls?.key = nil
            let nobody = try EtcdClient(registry)
            await #expect(throws: RegistryError.self) { try await nobody.call("/v3/kv/range", ["key": .base64("/")]) }
            // The system does not trust the authority of etcd's certificate.
            let stranger = try EtcdClient(EtcdRegistry(hosts: [etcd.url]))
            await #expect(throws: RegistryError.self) { try await stranger.call("/v3/kv/range", ["key": .base64("/")]) }
            try await process.end()
        }
    }

    @Test func failsOverToTheNextMember() async throws {
        try await Etcd.with { etcd in
            let process = try await etcd.start()
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            let registry = EtcdRegistry(hosts: ["http://127.0.0.1:1", etcd.url])
            try await withDiscovery(.etcd(EtcdSource(registry, prefix: "/s/shop/"))) { found in
                try await found.becomes("10.0.0.1:80")
                #expect(found.losses == 0)
            }
            try await process.end()
        }
    }

    @Test func ignoresAMemberWithoutALeader() async throws {
        try await EtcdCluster.with { cluster in
            let client = try EtcdClient(cluster.registry)
            func put(_ key: String, _ value: String) async throws {
                _ = try await client.call("/v3/kv/put", ["key": .base64(key), "value": .base64(value)])
            }
            try await put("/s/shop/a", "http://10.0.0.1:80")
            let source = EtcdSource(cluster.registry, prefix: "/s/shop/")
            try await withDiscovery(.etcd(source)) { found in
                try await found.becomes("10.0.0.1:80")
                cluster.signalOthers(SIGSTOP)
                try await eventually("the loss") { found.isReachable == false }
                #expect(found.hosts == ["10.0.0.1:80"])
                cluster.signalOthers(SIGCONT)
                try await eventually("a leader") { found.isReachable == true }
                try await put("/s/shop/b", "http://10.0.0.2:80")
                try await found.becomes("10.0.0.1:80", "10.0.0.2:80")
            }
        }
    }

    @Test func rereadsEverythingAfterSilence() async throws {
        try await Etcd.with { etcd in
            let process = try await etcd.start()
            try await put(etcd, "/s/shop/a", "http://10.0.0.1:80")
            let connections = RegistryHTTP.makeClient(silence: .milliseconds(300))
            let client = EtcdClient(etcd.registry, try RegistryHTTP(nil, client: connections))
            let watcher = EtcdWatcher("/s/shop/", client, logger: noLogger)
            let lists = Mutex<[RegistryList]>([])
            let watching = Task { try await watcher.watch { list in lists.withLock { $0.append(list) } } }
            try await eventually("three lists") { lists.withLock { $0.count } >= 3 }
            #expect(Set(lists.withLock { $0.flatMap(\.endpoints) }).count == 1)
            watching.cancel()
            _ = await watching.result
            try await connections.shutdown()
            try await process.end()
        }
    }

    @Test func authenticatesAgainAfterARoleChange() async throws {
        try await Etcd.with(hasSignedTokens: true) { etcd in
            let process = try await etcd.start()
            let client = try EtcdClient(etcd.registry)
            for (call, body) in [
                ("user/add", ["name": "root", "password": "s3cret"]), ("user/grant", ["user": "root", "role": "root"]),
                ("enable", [:]),
            ] as [(String, JSONValue)] {
                _ = try await client.call("/v3/auth/\(call)", body)
            }
            var registry = etcd.registry
            registry.user = "root"
            registry.password = "s3cret"
            let (known, other) = (try EtcdClient(registry), try EtcdClient(registry))
            _ = try await known.call("/v3/kv/range", ["key": .base64("/")])
            _ = try await other.call("/v3/auth/role/add", ["name": "reader"])
            // The token was issued before.
            _ = try await known.call("/v3/kv/range", ["key": .base64("/")])
            try await process.end()
        }
    }

    @Test func refusedWatchReportsWhy() async throws {
        try await Etcd.with { etcd in
            let process = try await etcd.start()
            let client = try EtcdClient(etcd.registry)
            let error = await #expect(throws: RegistryError.self) {
                try await client.stream("/v3/nothing", [:]) { _ in true }
            }
            #expect(error?.status == 404)
            #expect(error?.description.contains("Not Found") == true, "\(String(describing: error))")
            try await process.end()
        }
    }
}

import Foundation
import MartletTesting
import Synchronization
import Testing

@testable import MartletDiscovery

/// Handwritten messages, and a real name server (dnsmasq).
@Suite struct DNSTests {
    @Test func readsAddresses() throws {
        let answer = try DNSAnswer(
            parsing: DNSMessage.answer([
                .init("q.test", type: 5, ttl: 9, DNSMessage.labels("c.test")),
                .init("c.test", type: 1, ttl: 60, [10, 0, 0, 1]), .init("c.test", type: 1, ttl: 30, [10, 0, 0, 2]),
                .init("c.test", type: 28, ttl: 60, [0xFD] + [UInt8](repeating: 0, count: 14) + [1]),
            ]))
        #expect(answer.ipv4 == ["10.0.0.1", "10.0.0.2"])
        #expect(answer.ipv6 == ["fd00::1"])
        // The alias has the lowest TTL.
        #expect(answer.ttl == 9)
    }

    @Test func readsServicesWithTheirAddresses() throws {
        let answer = try DNSAnswer(
            parsing: DNSMessage.answer(
                [.init("q.test", type: 33, ttl: 60, [0, 10, 0, 5, 0x1F, 0x90] + DNSMessage.labels("Host.test"))],
                additional: [.init("host.TEST", type: 1, ttl: 5, [10, 0, 0, 9])]))
        #expect(answer.services == [.init(priority: 10, weight: 5, port: 8080, target: "Host.test")])
        #expect(answer.additional == ["host.test": .init(ipv4: ["10.0.0.9"], ttl: 5)])
        // The TTL of the answer section, because not all additional records are used.
        #expect(answer.ttl == 60)
    }

    @Test func usesTheLowestPriority() {
        func service(_ priority: Int, _ target: String) -> DNSAnswer.Service {
            .init(priority: priority, weight: 0, port: 1, target: target)
        }
        let chosen = DNSWatcher.preferred([service(20, "c"), service(10, "a"), service(10, "b"), service(0, ".")])
        #expect(chosen.map(\.target) == ["a", "b"])
        #expect(DNSWatcher.preferred([service(0, ".")]).isEmpty)
    }

    @Test(.seeded) func rejectsMalformedAnswers() {
        let whole = DNSMessage.answer(
            [
                .init("q.test", type: 33, ttl: 60, [0, 10, 0, 5, 0x1F, 0x90] + DNSMessage.labels("host.test")),
                .init("q.test", type: 1, ttl: 60, [10, 0, 0, 1]),
            ], additional: [.init("host.test", type: 28, ttl: 5, [UInt8](repeating: 1, count: 16))])
        for length in 0..<whole.count {
            #expect(throws: DNSAnswer.Malformed.self) { try DNSAnswer(parsing: Array(whole[..<length])) }
        }
        // An address of three bytes, an SRV record without a name.
        #expect(throws: DNSAnswer.Malformed.self) {
            try DNSAnswer(parsing: DNSMessage.answer([.init("q.test", type: 1, ttl: 1, [1, 2, 3])]))
        }
        #expect(throws: DNSAnswer.Malformed.self) {
            try DNSAnswer(parsing: DNSMessage.answer([.init("q.test", type: 33, ttl: 1, [0, 1, 0, 1, 0, 1])]))
        }
        var random = SeededRandom()
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? DNSAnswer(parsing: bytes)
        }
    }

    @Test func honoursTheTTLWithinBounds() {
        let source = DNSSource(name: "x", port: 1)
        #expect(source.interval(ttl: 30) == .seconds(30))
        #expect(source.interval(ttl: 0) == .seconds(5))
        #expect(source.interval(ttl: nil) == .seconds(5))
        #expect(source.interval(ttl: 86_400) == .seconds(300))
    }

    /// Runs `body` with dnsmasq, which rereads a hosts file on SIGHUP.
    private func withNameServer(
        _ options: [String] = [], hosts: String = "", _ body: (NameServer) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "hosts")
            try Data(hosts.utf8).write(to: file)
            let server = NameServer(port: try FreePort.choose(), hosts: file, options: options)
            try await server.start()
            do {
                try await body(server)
            } catch {
                try await server.stop()
                throw error
            }
            try await server.stop()
        }
    }

    private final class NameServer: Sendable {
        let port: Int
        private let hosts: URL
        private let options: [String]
        private let process = Mutex<ServerProcess?>(nil)

        init(port: Int, hosts: URL, options: [String]) {
            self.port = port
            self.hosts = hosts
            self.options = options
        }

        func start() async throws {
            let started = try ServerProcess(
                "dnsmasq",
                [
                    "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
                    "--listen-address=127.0.0.1", "--port=\(port)", "--addn-hosts=\(hosts.path)", "--local=/test/",
                    "--local-ttl=1", "--pid-file=", "--user=\(NSUserName())",
                ] + options)
            process.withLock { $0 = started }
            let resolver = DNSResolver(server: .init(address: "127.0.0.1", port: port))
            try await eventually("dnsmasq's start") {
                try #require(started.isRunning, "dnsmasq does not run; script/bootstrap --test installs dnsmasq-base")
                return (try? await resolver.ask("anything.test", .a)) != nil
            }
        }

        func stop() async throws { try await process.withLock { $0 }?.end() }

        func publish(_ text: String) throws {
            try Data(text.utf8).write(to: hosts)
            process.withLock { $0 }?.send(SIGHUP)
        }

        func source(_ name: String, _ type: DNSSource.RecordType = .a, port: Int = 80) -> DNSSource {
            var source = DNSSource(
                name: name, type: type, port: port, server: .init(address: "127.0.0.1", port: self.port))
            source.minimumInterval = .milliseconds(100)
            return source
        }
    }

    @Test func followsTheAddressesOfAName() async throws {
        try await withNameServer(hosts: "10.0.0.1 shop.test\n10.0.0.2 shop.test\n") { server in
            try await withDiscovery(.dns(server.source("shop.test"))) { found in
                try await found.becomes("10.0.0.1:80", "10.0.0.2:80")
                // The name is queried again when its TTL of one second has passed.
                try server.publish("10.0.0.2 shop.test\n10.0.0.3 shop.test\n")
                try await found.becomes("10.0.0.2:80", "10.0.0.3:80")
            }
        }
    }

    @Test func fallsBackToIPv6() async throws {
        try await withNameServer(hosts: "fd00::1 six.test\nfd00::2 both.test\n10.0.0.1 both.test\n") { server in
            try await withDiscovery(.dns(server.source("six.test"))) { try await $0.becomes("[fd00::1]:80") }
            try await withDiscovery(.dns(server.source("both.test"))) { try await $0.becomes("10.0.0.1:80") }
            try await withDiscovery(.dns(server.source("both.test", .aaaa))) { try await $0.becomes("[fd00::2]:80") }
        }
    }

    @Test func findsServicesWithPortsAndWeights() async throws {
        let services = [
            "--srv-host=_http._tcp.shop.test,a.test,8001,10,3", "--srv-host=_http._tcp.shop.test,b.test,8002,10,1",
            "--srv-host=_http._tcp.shop.test,spare.test,8003,20,1",
        ]
        let hosts = "10.0.0.1 a.test\n10.0.0.2 b.test\n10.0.0.3 spare.test\n"
        try await withNameServer(services, hosts: hosts) { server in
            try await withDiscovery(.dns(server.source("_http._tcp.shop.test", .srv))) { found in
                try await found.becomes("10.0.0.1:8001", "10.0.0.2:8002")
                #expect(found.weights == [3, 1])
            }
        }
    }

    @Test func removedNameTakesEffectAfterAHold() async throws {
        try await withNameServer(hosts: "10.0.0.1 shop.test\n") { server in
            try await withDiscovery(.dns(server.source("shop.test")), emptyHold: .milliseconds(300)) { found in
                try await found.becomes("10.0.0.1:80")
                let gone = ContinuousClock.now
                try server.publish("")
                try await found.becomes()
                #expect(ContinuousClock.now - gone >= .milliseconds(300))
                #expect(found.losses == 0)
            }
        }
    }

    @Test func keepsTheListWhileTheNameServerIsDown() async throws {
        try await withNameServer(hosts: "10.0.0.1 shop.test\n") { server in
            let log = RecordedLog()
            try await withDiscovery(.dns(server.source("shop.test")), emptyHold: .zero, log: log) { found in
                try await found.becomes("10.0.0.1:80")
                try await server.stop()
                try await eventually("the loss") { found.isReachable == false }
                #expect(found.hosts == ["10.0.0.1:80"])
                try server.publish("10.0.0.7 shop.test\n")
                try await server.start()
                try await found.becomes("10.0.0.7:80")
                #expect(found.isReachable == true)
                #expect(found.losses == 1)
                #expect(log.lines.filter { $0.hasPrefix("warning") }.count == 1, "\(log.lines)")
            }
        }
    }

    /// The response does not fit in a datagram and is fetched over TCP.
    @Test func findsManyAddresses() async throws {
        let hosts = (1...200).map { "10.0.1.\($0) many.test\n" }.joined()
        try await withNameServer(hosts: hosts) { server in
            try await withDiscovery(.dns(server.source("many.test"))) { found in
                try await eventually("200 addresses") { found.hosts?.count == 200 }
            }
        }
    }

    // MARK: answers that a test writes

    @Test func resolvesExpiredAdditionalAddressesAgain() async throws {
        try await ScriptedNameServer.with { server in
            func say(_ host: UInt8) {
                server.say(
                    "shop.test",
                    .records(
                        [.srv("shop.test", port: 80, target: "a.test", ttl: 3600)],
                        additional: [.a("a.test", host, ttl: 1), .a("other.test", 9, ttl: 0)]))
            }
            say(1)
            try await withDiscovery(.dns(server.source("shop.test", .srv))) { found in
                try await found.becomes("10.0.0.1:80")
                say(2)
                try await found.becomes("10.0.0.2:80", within: .seconds(10))
                // Unrequested records do not count.
                #expect(server.questions(for: "shop.test") < 5)
            }
        }
    }

    @Test func unresolvableTargetDoesNotAffectOthers() async throws {
        try await ScriptedNameServer.with { server in
            let targets = ["a.test", "b.test"].map {
                DNSMessage.Record.srv("shop.test", port: 80, target: $0, ttl: 0)
            }
            server.say("shop.test", .records(targets))
            server.say("a.test", .records([.a("a.test", 1, ttl: 0)]))
            server.say("b.test", .failure)
            try await withDiscovery(.dns(server.source("shop.test", .srv))) { found in
                try await found.becomes("10.0.0.1:80")
                server.say("b.test", .records([.a("b.test", 2, ttl: 0)]))
                try await found.becomes("10.0.0.1:80", "10.0.0.2:80")
                // It keeps its last known addresses.
                server.say("b.test", .failure)
                server.say("a.test", .records([.a("a.test", 3, ttl: 0)]))
                try await found.becomes("10.0.0.2:80", "10.0.0.3:80")
                #expect(found.losses == 0)
                // The removal of the only other target does not affect it.
                server.say("c.test", .failure)
                server.say("shop.test", .records([targets[0], .srv("shop.test", port: 80, target: "c.test", ttl: 0)]))
                try await found.becomes("10.0.0.3:80")
                server.say("a.test", .noSuchName)
                try await eventually("the loss") { found.isReachable == false }
                #expect(found.hosts == ["10.0.0.3:80"])
            }
        }
    }

    @Test func ignoresAnEmptyAnswerFollowedByAFailure() async throws {
        try await ScriptedNameServer.with { server in
            server.say("shop.test", .records([.a("shop.test", 1, ttl: 0)]))
            let hold = Duration.seconds(2)
            try await withDiscovery(.dns(server.source("shop.test")), emptyHold: hold) { found in
                try await found.becomes("10.0.0.1:80")
                server.say("shop.test", .noSuchName)
                let asked = server.questions(for: "shop.test")
                // The response to the last but one has been processed.
                try await eventually("more questions") { server.questions(for: "shop.test") > asked + 4 }
                server.say("shop.test", .failure)
                try await eventually("the loss") { found.isReachable == false }
                try await letTimePass(hold, because: "the address is not to be dropped")
                #expect(found.hosts == ["10.0.0.1:80"])
                #expect(found.isReachable == false)
                // The name server responds again, repeatedly.
                server.say("shop.test", .noSuchName)
                let back = ContinuousClock.now
                try await found.becomes()
                #expect(ContinuousClock.now - back >= hold)
            }
        }
    }

    @Test func unansweredQueryEndsWithItsTask() async throws {
        try await ScriptedNameServer.with { server in
            server.say("shop.test", .silence)
            try await withDiscovery(.dns(server.source("shop.test"))) { _ in
                try await eventually("the question") { server.questions(for: "shop.test") > 0 }
            }
            // It has ended before the C library asks again, which it does after two seconds.
            #expect(server.questions(for: "shop.test") == 1)
        }
    }
}

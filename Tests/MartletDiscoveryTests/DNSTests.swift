import Foundation
import Synchronization
import Testing

@testable import MartletDiscovery

/// Messages made by hand, and a real name server (dnsmasq).
@Suite struct DNSTests {
    /// `name` as labels.
    private func labels(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private func record(_ name: String, type: UInt8, ttl: UInt8, _ data: [UInt8]) -> [UInt8] {
        labels(name) + [0, type, 0, 1, 0, 0, 0, ttl, UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
    }

    private func message(_ answers: [[UInt8]], additional: [[UInt8]] = []) -> [UInt8] {
        [0, 1, 0x81, 0x80, 0, 1, 0, UInt8(answers.count), 0, 0, 0, UInt8(additional.count)] + labels("q.test")
            + [0, 1, 0, 1] + answers.flatMap { $0 } + additional.flatMap { $0 }
    }

    @Test func readsAddresses() throws {
        let answer = try DNSAnswer(
            parsing: message([
                record("q.test", type: 5, ttl: 9, labels("c.test")),
                record("c.test", type: 1, ttl: 60, [10, 0, 0, 1]), record("c.test", type: 1, ttl: 30, [10, 0, 0, 2]),
                record("c.test", type: 28, ttl: 60, [0xFD] + [UInt8](repeating: 0, count: 14) + [1]),
            ]))
        #expect(answer.ipv4 == ["10.0.0.1", "10.0.0.2"])
        #expect(answer.ipv6 == ["fd00::1"])
        // The alias holds shortest.
        #expect(answer.ttl == 9)
    }

    @Test func readsServicesWithTheirAddresses() throws {
        let answer = try DNSAnswer(
            parsing: message(
                [record("q.test", type: 33, ttl: 60, [0, 10, 0, 5, 0x1F, 0x90] + labels("Host.test"))],
                additional: [record("host.TEST", type: 1, ttl: 5, [10, 0, 0, 9])]))
        #expect(answer.services == [.init(priority: 10, weight: 5, port: 8080, target: "Host.test")])
        #expect(answer.additional == ["host.test": ["10.0.0.9"]])
    }

    @Test func usesTheLowestPriority() {
        func service(_ priority: Int, _ target: String) -> DNSAnswer.Service {
            .init(priority: priority, weight: 0, port: 1, target: target)
        }
        let chosen = DNSWatcher.preferred([service(20, "c"), service(10, "a"), service(10, "b"), service(0, ".")])
        #expect(chosen.map(\.target) == ["a", "b"])
        #expect(DNSWatcher.preferred([service(0, ".")]).isEmpty)
    }

    @Test func whatIsMalformedIsRefusedAndNeverTraps() {
        let whole = message(
            [
                record("q.test", type: 33, ttl: 60, [0, 10, 0, 5, 0x1F, 0x90] + labels("host.test")),
                record("q.test", type: 1, ttl: 60, [10, 0, 0, 1]),
            ], additional: [record("host.test", type: 28, ttl: 5, [UInt8](repeating: 1, count: 16))])
        for length in 0..<whole.count {
            #expect(throws: DNSAnswer.Malformed.self) { try DNSAnswer(parsing: Array(whole[..<length])) }
        }
        // An address of three bytes, an SRV record without a name.
        #expect(throws: DNSAnswer.Malformed.self) {
            try DNSAnswer(parsing: message([record("q.test", type: 1, ttl: 1, [1, 2, 3])]))
        }
        #expect(throws: DNSAnswer.Malformed.self) {
            try DNSAnswer(parsing: message([record("q.test", type: 33, ttl: 1, [0, 1, 0, 1, 0, 1])]))
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<4) {
                bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? DNSAnswer(parsing: bytes)
        }
    }

    @Test func anAnswerHoldsForItsTimeWithinBounds() {
        let source = DNSSource(name: "x", port: 1)
        #expect(source.interval(ttl: 30) == .seconds(30))
        #expect(source.interval(ttl: 0) == .seconds(5))
        #expect(source.interval(ttl: nil) == .seconds(5))
        #expect(source.interval(ttl: 86_400) == .seconds(300))
    }

    /// dnsmasq, which reads the hosts of a file again on SIGHUP.
    private func withNameServer(
        _ options: [String] = [], hosts: String = "", _ body: (NameServer) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "hosts")
            try Data(hosts.utf8).write(to: file)
            let server = NameServer(port: try freePort(), hosts: file, options: options)
            try server.start()
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

        func start() throws {
            let started = try ServerProcess(
                "dnsmasq",
                [
                    "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
                    "--listen-address=127.0.0.1", "--port=\(port)", "--addn-hosts=\(hosts.path)", "--local=/test/",
                    "--local-ttl=1", "--pid-file=", "--user=\(NSUserName())",
                ] + options)
            process.withLock { $0 = started }
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
                // Asked again when the second has passed for which the answer holds.
                try server.publish("10.0.0.2 shop.test\n10.0.0.3 shop.test\n")
                try await found.becomes("10.0.0.2:80", "10.0.0.3:80")
            }
        }
    }

    @Test func findsIPv6WhereThereIsNoIPv4() async throws {
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

    @Test func aNameThatIsGoneIsBelievedAfterAWhile() async throws {
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

    @Test func aDeadNameServerKeepsTheLastListAndSaysSoOnce() async throws {
        try await withNameServer(hosts: "10.0.0.1 shop.test\n") { server in
            let log = RecordedLog()
            try await withDiscovery(.dns(server.source("shop.test")), emptyHold: .zero, log: log) { found in
                try await found.becomes("10.0.0.1:80")
                try await server.stop()
                try await eventually("the loss") { found.isReachable == false }
                #expect(found.hosts == ["10.0.0.1:80"])
                try server.publish("10.0.0.7 shop.test\n")
                try server.start()
                try await found.becomes("10.0.0.7:80")
                #expect(found.isReachable == true)
                #expect(found.losses == 1)
                #expect(log.lines.filter { $0.hasPrefix("warning") }.count == 1, "\(log.lines)")
            }
        }
    }

    /// More than fits a datagram: the answer is fetched over TCP.
    @Test func findsManyAddresses() async throws {
        let hosts = (1...200).map { "10.0.1.\($0) many.test\n" }.joined()
        try await withNameServer(hosts: hosts) { server in
            try await withDiscovery(.dns(server.source("many.test"))) { found in
                try await eventually("200 addresses") { found.hosts?.count == 200 }
            }
        }
    }
}

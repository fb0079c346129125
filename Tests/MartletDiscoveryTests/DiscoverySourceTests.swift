import MartletCore
import Testing

@testable import MartletDiscovery

@Suite struct DiscoverySourceTests {
    private let found = [DiscoveredEndpoint(.tcp(host: "10.0.0.1", port: 80), weight: 3)]

    private func dns(_ name: String, _ type: DNSSource.RecordType = .a, port: Int = 80) -> DNSSource {
        DNSSource(name: name, type: type, port: port)
    }

    @Test func keepsKnownEndpointsWhenOnlySettingsChange() {
        var slower = dns("a")
        slower.minimumInterval = .seconds(60)
        slower.server = .init(address: "10.0.0.53")
        #expect(DiscoverySource.dns(slower).adopted(found, from: .dns(dns("a"))) == found)
        let renamed = EtcdRegistry(hosts: ["http://b:2379"], user: "u", password: "new")
        #expect(
            DiscoverySource.etcd(EtcdSource(renamed, prefix: "/a/"))
                .adopted(found, from: .etcd(EtcdSource(EtcdRegistry(hosts: ["http://a:2379"]), prefix: "/a/"))) == found
        )
        #expect(
            DiscoverySource.consul(ConsulSource(address: "http://a:8500", service: "a", token: "new"))
                .adopted(found, from: .consul(ConsulSource(address: "http://a:8500", service: "a"))) == found)
    }

    @Test func keepsAddressesWithTheNewPort() {
        #expect(
            DiscoverySource.dns(dns("a", port: 81)).adopted(found, from: .dns(dns("a")))
                == [DiscoveredEndpoint(.tcp(host: "10.0.0.1", port: 81), weight: 3)])
    }

    @Test func startsOverForAnotherService() {
        let registry = EtcdRegistry(hosts: ["http://a:2379"])
        let pairs: [(DiscoverySource, DiscoverySource)] = [
            (.dns(dns("b")), .dns(dns("a"))), (.dns(dns("a", .srv)), .dns(dns("a"))),
            (.etcd(EtcdSource(registry, prefix: "/b/")), .etcd(EtcdSource(registry, prefix: "/a/"))),
            (
                .consul(ConsulSource(address: "http://a:8500", service: "b")),
                .consul(ConsulSource(address: "http://a:8500", service: "a"))
            ), (.dns(dns("a")), .consul(ConsulSource(address: "http://a:8500", service: "a"))),
        ]
        for (new, old) in pairs { #expect(new.adopted(found, from: old) == nil, "\(new) from \(old)") }
    }
}

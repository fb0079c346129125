import MartletDiscovery
import Testing

@Suite struct SecretTests {
    /// A log prints descriptions, and the default description of a struct contains all its properties.
    @Test func registryHidesItsPassword() throws {
        let registry = try EtcdRegistry(url: "etcd://root:s3cret@etcd-1:2379,etcd-2:2379")
        var all = "\(registry) \(String(reflecting: registry)) \([registry]) \(EtcdSource(registry, prefix: "/x/"))"
        dump(registry, to: &all)
        dump(DiscoverySource.etcd(EtcdSource(registry, prefix: "/x/")), to: &all)
        #expect(!all.contains("s3cret") && !all.contains("root"), "\(all)")
        #expect(all.contains("etcd-1:2379"))
    }
}

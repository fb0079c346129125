import MartletDiscovery
import Testing

@Suite struct SecretTests {
    /// A log shows what a value says of itself, and a struct without a word of its own says everything.
    @Test func registryHidesItsPassword() throws {
        let registry = try EtcdRegistry(url: "etcd://root:s3cret@etcd-1:2379,etcd-2:2379")
        var all = "\(registry) \(String(reflecting: registry)) \([registry]) \(EtcdSource(registry, prefix: "/x/"))"
        dump(registry, to: &all)
        dump(DiscoverySource.etcd(EtcdSource(registry, prefix: "/x/")), to: &all)
        #expect(!all.contains("s3cret") && !all.contains("root"), "\(all)")
        #expect(all.contains("etcd-1:2379"))
    }
}

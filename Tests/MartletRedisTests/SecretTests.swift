import MartletRedis
import Testing

@Suite struct SecretTests {
    @Test func locationHidesItsPassword() throws {
        let location = try RedisLocation(url: "redis://app:s3cret@10.0.0.5/2")
        var all = "\(location) \(String(reflecting: location)) \([location])"
        dump(location, to: &all)
        #expect(!all.contains("s3cret") && !all.contains("app"), "\(all)")
        #expect(all.contains("10.0.0.5"))
    }
}

import MartletData
import Testing

@Suite struct SecretTests {
    @Test func locationHidesItsURL() throws {
        for url in ["postgres://app:s3cret@db/x", "postgres://db/x?user=app&password=s3cret"] {
            let location = try Database.Location(url: url, schema: "catalog")
            var all = "\(location) \(String(reflecting: location)) \([location])"
            dump(location, to: &all)
            #expect(!all.contains("s3cret"), "\(all)")
        }
    }
}

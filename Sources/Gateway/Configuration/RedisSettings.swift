package import MartletRedis
package import NIOCore

extension GatewayConfiguration {
    /// The Redis that counts shared rate limits.
    package struct Redis: Sendable, Equatable {
        package var location: RedisLocation
        /// How long a request waits for Redis before this process counts alone. Default: 50 ms.
        package var timeout = TimeAmount.milliseconds(50)
        /// The prefix of the Redis keys. Gateways with the same prefix share their counts.
        package var prefix = "martlet:limit:"

        package init(_ location: RedisLocation) { self.location = location }
    }
}

extension GatewayConfiguration.Redis {
    init?(_ node: ConfigNode) {
        guard let redis = node.mapping(["url", "timeout", "prefix"], such: "{url: \"redis://127.0.0.1:6379\"}"),
            let url = redis.required("url"),
            let text = url.text()
        else { return nil }
        do throws(RedisLocation.ParseError) {
            self.init(try RedisLocation(url: text))
        } catch {
            url.fail("\(error)")
            return nil
        }
        timeout = redis["timeout"]?.duration(.milliseconds(1)...(.seconds(10))) ?? timeout
        if let node = redis["prefix"], let text = node.text() {
            if !(1...100).contains(text.utf8.count) { node.fail("must have from 1 to 100 bytes") }
            prefix = text
        }
    }
}

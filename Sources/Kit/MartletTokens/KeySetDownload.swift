import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1

/// Downloads the key set of an issuer.
enum KeySetDownload {
    /// Lives as long as the process. Does not follow redirects: control over a redirect must not allow replacing the
    /// keys.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// - Throws: when the issuer does not respond with 200 within five seconds.
    static func get(_ url: String) async throws -> [UInt8] {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        guard response.status == .ok else {
            let hint = (300..<400).contains(response.status.code) ? "; redirects are not followed" : ""
            throw Problem.unavailable(
                "\(url.withoutUserinfo.withoutQueryValues) returned \(response.status.code)\(hint)")
        }
        return Array(buffer: try await response.body.collect(upTo: JWKSet.maximumLength))
    }
}

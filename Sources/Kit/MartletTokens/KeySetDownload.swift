import AsyncHTTPClient
import MartletClient
import MartletCore
import NIOCore
import NIOHTTP1

/// Downloads the key set of an issuer.
enum KeySetDownload {
    /// - Throws: when the issuer does not respond with 200 within five seconds.
    static func get(_ url: String) async throws -> [UInt8] {
        let response = try await HTTPClient.withoutRedirects.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        guard response.status == .ok else {
            let hint = (300..<400).contains(response.status.code) ? "; redirects are not followed" : ""
            throw Problem.unavailable(
                "\(url.withoutUserinfo.withoutQueryValues) returned \(response.status.code)\(hint)")
        }
        return Array(buffer: try await response.body.collect(upTo: JWKSet.maximumLength))
    }
}

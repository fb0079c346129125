import AsyncHTTPClient
import MartletClient
import MartletCore
import NIOCore
import NIOHTTP1

/// How the key set of an issuer is fetched. Redirects are not followed: the keys are at the address that was given, and
/// nobody who can make that address redirect may choose others.
enum KeySetDownload {
    /// - Throws: when the issuer does not answer with 200 in five seconds.
    static func get(_ url: String) async throws -> [UInt8] {
        let response = try await HTTPClient.withoutRedirects.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        guard response.status == .ok else {
            let hint = (300..<400).contains(response.status.code) ? "; redirects are not followed" : ""
            throw Problem.unavailable(
                "\(url.withoutUserinfo.withoutQueryValues) answers \(response.status.code)\(hint)")
        }
        return Array(buffer: try await response.body.collect(upTo: JWKSet.maximumLength))
    }
}

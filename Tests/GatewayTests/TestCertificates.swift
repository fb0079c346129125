import Foundation
import Testing

@testable import Gateway

/// Certificates made by openssl, in a temporary folder.
struct TestCertificates {
    struct Pair {
        let chain: String
        let key: String
    }

    let folder: URL

    static func with(_ body: (TestCertificates) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(TestCertificates(folder: folder))
    }

    func pair(_ file: String) -> Pair {
        Pair(chain: folder.path + "/\(file).pem", key: folder.path + "/\(file).key")
    }

    /// Makes a self-signed certificate, which can sign others.
    @discardableResult
    func make(_ name: String, as file: String) throws -> Pair {
        let pair = pair(file)
        try Self.makeSelfSigned(name, pair.chain, pair.key)
        return pair
    }

    /// Makes a certificate signed by `authority`.
    @discardableResult
    func make(_ name: String, as file: String, signedBy authority: Pair) throws -> Pair {
        let pair = pair(file)
        try Self.openssl(
            [
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", pair.key, "-out",
                pair.chain,
                "-CA", authority.chain, "-CAkey", authority.key,
            ])
        return pair
    }

    static func makeSelfSigned(_ name: String, _ chain: String, _ key: String, days: Int = 2) throws {
        try openssl(
            [
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", key, "-out", chain,
                "-days", "\(days)",
            ])
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}

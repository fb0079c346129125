import Foundation
import Testing

/// A key pair made by openssl, because none of the tests' libraries generates RSA keys.
struct RSAKey {
    let privateKey: String
    let publicKey: String

    init() throws {
        privateKey = try Self.openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "")
        publicKey = try Self.openssl(["pkey", "-pubout"], privateKey)
    }

    private static func openssl(_ arguments: [String], _ text: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let result = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: result, as: UTF8.self)
    }
}

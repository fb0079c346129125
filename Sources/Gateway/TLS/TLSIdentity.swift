import MartletSystem
import NIOSSL

extension GatewayConfiguration {
    /// Warnings about a valid configuration: certificates that are expired or not yet valid.
    package var warnings: [String] {
        (tls?.certificates ?? []).compactMap { (try? TLSIdentity($0))?.warning(at: Int(time(nil))) }
    }
}

/// A certificate and its key, loaded from files.
struct TLSIdentity: Sendable {
    let path: String
    let names: [String]
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    /// Whether the key is an RSA key.
    private(set) var isRSA = false
    /// In seconds since 1970.
    let notBefore: Int
    let notAfter: Int

    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` naming the file.
    init(_ certificate: GatewayConfiguration.TLS.Certificate) throws(GatewayError) {
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate.chainPath)
            key = try NIOSSLPrivateKey(file: certificate.keyPath, format: .pem)
        } catch {
            throw .invalidConfiguration(
                "tls: '\(certificate.chainPath)' with '\(certificate.keyPath)' is not a certificate with its key")
        }
        guard let first = chain.first else {
            throw .invalidConfiguration("tls: '\(certificate.chainPath)' contains no certificate")
        }
        path = certificate.chainPath
        names = certificate.names.map { $0.lowercased() }
        notBefore = Int(first.notValidBefore)
        notAfter = Int(first.notValidAfter)
        // Detects a key of another certificate now instead of during a handshake.
        guard (try? NIOSSLContext(configuration: settings)) != nil else {
            throw .invalidConfiguration(
                "tls: the key '\(certificate.keyPath)' does not belong to '\(certificate.chainPath)'")
        }
        isRSA = Self.isRSA(first)
    }

    var settings: TLSConfiguration {
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        settings.minimumTLSVersion = .tlsv12
        settings.applicationProtocols = ["http/1.1"]
        return settings
    }

    /// A warning if the certificate is expired or not yet valid, so that clients will refuse it.
    /// - Parameter now: in seconds since 1970.
    func warning(at now: Int) -> String? {
        if now > notAfter { return "tls: the certificate '\(path)' expired on \(HTTPDate.text(Int64(notAfter)))" }
        if now < notBefore {
            return "tls: the certificate '\(path)' is not valid before \(HTTPDate.text(Int64(notBefore)))"
        }
        return nil
    }

    private static func isRSA(_ certificate: NIOSSLCertificate) -> Bool {
        guard let key = try? certificate.extractPublicKey().toSPKIBytes() else { return false }
        // The identifier of rsaEncryption (RFC 8017, appendix C) near the start of the key's information.
        let identifier: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
        let start = Array(key.prefix(32))
        guard start.count >= identifier.count else { return false }
        return (0...start.count - identifier.count).contains {
            start[$0..<$0 + identifier.count].elementsEqual(identifier)
        }
    }
}

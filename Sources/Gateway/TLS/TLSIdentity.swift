import MartletSystem
import NIOSSL

extension GatewayConfiguration {
    /// What is worth saying of a configuration that can be used: certificates that are not valid now.
    package var warnings: [String] {
        (tls?.certificates ?? []).compactMap { (try? TLSIdentity($0))?.warning(at: Int(time(nil))) }
    }
}

/// A certificate with its key, as read from their files.
struct TLSIdentity: Sendable {
    let path: String
    let names: [String]
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    /// Whether the key is RSA's.
    private(set) var isRSA = false
    /// In seconds since 1970.
    let notBefore: Int
    let notAfter: Int

    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` that names the file.
    init(_ certificate: GatewayConfiguration.TLS.Certificate) throws(GatewayError) {
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate.chainPath)
            key = try NIOSSLPrivateKey(file: certificate.keyPath, format: .pem)
        } catch {
            throw .invalidConfiguration(
                "tls: '\(certificate.chainPath)' with '\(certificate.keyPath)' is no certificate with its key")
        }
        guard let first = chain.first else {
            throw .invalidConfiguration("tls: '\(certificate.chainPath)' holds no certificate")
        }
        path = certificate.chainPath
        names = certificate.names.map { $0.lowercased() }
        notBefore = Int(first.notValidBefore)
        notAfter = Int(first.notValidAfter)
        // Says now, and not in a handshake, that a key is another certificate's.
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

    /// What is wrong with the certificate's time, if anything is: clients will refuse it.
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
        // rsaEncryption (RFC 8017, appendix C) in the first fields of the key's information.
        let identifier: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
        let start = Array(key.prefix(32))
        guard start.count >= identifier.count else { return false }
        return (0...start.count - identifier.count).contains {
            start[$0..<$0 + identifier.count].elementsEqual(identifier)
        }
    }
}

import Foundation
import MartletTesting
import NIOCore
import NIOSSL
import Testing

@testable import Gateway

/// Decisions based on the client's first TLS message.
@Suite struct TLSGreetingTests {
    /// A ClientHello of TLS 1.2, in one record.
    private static func hello(suites: [UInt16] = [0xC02B], protocols: [String] = [], name: String? = nil) -> [UInt8] {
        func vector(_ size: Int, _ bytes: [UInt8]) -> [UInt8] {
            let count = withUnsafeBytes(of: UInt32(bytes.count).bigEndian, Array.init)
            return Array(count.suffix(size)) + bytes
        }
        var extensions: [UInt8] = []
        if let name { extensions += [0, 0] + vector(2, vector(2, [0] + vector(2, Array(name.utf8)))) }
        if !protocols.isEmpty {
            extensions += [0, 16] + vector(2, vector(2, protocols.flatMap { vector(1, Array($0.utf8)) }))
        }
        let body =
            [3, 3] + [UInt8](repeating: 7, count: 32) + vector(1, [])
            + vector(2, suites.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }) + vector(1, [0]) + vector(2, extensions)
        return [22, 3, 1] + vector(2, [1] + vector(3, body))
    }

    private static func read(_ bytes: ByteBuffer) -> ClientHello.Reading {
        var reader = ClientHello.Reader()
        return reader.read(bytes)
    }

    @Test func readsAClientHelloInAnyPieces() {
        let bytes = Self.hello(suites: [0x1301, 0xC02F], protocols: ["h2", "http/1.1"], name: "a.example")
        for count in 0..<bytes.count {
            #expect(Self.read(ByteBuffer(bytes: bytes.prefix(count))) == .incomplete)
        }
        guard case .hello(let hello) = Self.read(ByteBuffer(bytes: bytes)) else {
            Issue.record("is no hello")
            return
        }
        #expect(hello.suites == [0x1301, 0xC02F])
        #expect(hello.protocols == [Array("h2".utf8), Array("http/1.1".utf8)])
        #expect(hello.serverName == "a.example" && !hello.offersVersion13)
        #expect(Self.read(ByteBuffer(string: "GET")) == .plainHTTP)
        #expect(Self.read(ByteBuffer(bytes: [0x80, 1])) == .other)
    }

    /// The worst input before TLS is established: one byte at a time, one record per byte.
    @Test func readsEveryRecordOnce() {
        let message = Self.hello(protocols: ["h2"], name: String(repeating: "a", count: 2000)).dropFirst(5)
        var bytes: [UInt8] = []
        for byte in message { bytes += [22, 3, 1, 0, 1, byte] }
        var reader = ClientHello.Reader()
        for count in 1..<bytes.count {
            #expect(reader.read(ByteBuffer(bytes: bytes.prefix(count))) == .incomplete)
        }
        guard case .hello(let hello) = reader.read(ByteBuffer(bytes: bytes)) else {
            Issue.record("is no hello")
            return
        }
        #expect(hello.protocols == [Array("h2".utf8)])
        // The last record is examined twice: before and after its byte arrives.
        #expect(reader.records == 2 * message.count)
    }

    /// Swift normalizes non-ASCII text before it compares, at more than linear cost.
    @Test(arguments: [String(repeating: "a\u{301}\u{316}", count: 50), String(repeating: "a", count: 256)])
    func ignoresAnInvalidServerName(_ name: String) {
        guard case .hello(let hello) = Self.read(ByteBuffer(bytes: Self.hello(name: name))) else {
            Issue.record("is no hello")
            return
        }
        #expect(hello.serverName == nil)
    }

    @Test(.seeded) func survivesAnyBytes() {
        var random = SeededRandom()
        let whole = Self.hello(protocols: ["h2"], name: "a")
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<3 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = Self.read(ByteBuffer(bytes: bytes))
        }
    }

    @Test func prefersForwardSecretSuitesInServerOrder() {
        func choice(_ suites: [NIOTLSCipher], isRSA: Bool = false, allowsOlder: Bool = false) -> CipherSuites.Choice {
            var hello = ClientHello()
            hello.suites = suites.map(\.rawValue)
            return CipherSuites.choice(for: hello, isRSA: isRSA, allowsOlder: allowsOlder)
        }
        let best = choice([
            .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ])
        #expect(best.suites.contains(.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) && best.suites.count == 2)
        // A suite for the other kind of key is ignored.
        let mixed = choice([.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384])
        #expect(mixed.suites.contains(.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384))
        #expect(choice([.TLS_RSA_WITH_AES_128_CBC_SHA], isRSA: true) == CipherSuites.modern)
        let older = choice([.TLS_RSA_WITH_AES_128_CBC_SHA], isRSA: true, allowsOlder: true)
        #expect(older == CipherSuites.older && !older.allowsHTTP2)
    }

    // MARK: With a gateway

    private func withTLS(
        change: (inout GatewayConfiguration.TLS) -> Void = { _ in }, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await TestCertificates.with { made in
            let pair = try made.make("a.example", as: "a")
            var tls = GatewayConfiguration.TLS(certificates: [.init(chainPath: pair.chain, keyPath: pair.key)])
            change(&tls)
            let settings = tls
            try await withGateway(endpoint: upstream.endpoint, configure: { $0.tls = settings }) { gateway in
                try await body(gateway)
            }
        }
        await upstream.stop()
    }

    /// The output of `openssl s_client` for a handshake.
    private func handshake(_ gateway: GatewayFixture, _ arguments: String...) async throws -> String {
        let port = gateway.port
        return try await Task.detached {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            process.arguments = ["s_client", "-connect", "127.0.0.1:\(port)"] + arguments
            process.standardInput = FileHandle.nullDevice
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return text
        }.value
    }

    @Test func refusesLegacySuitesByDefault() async throws {
        let old = "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"
        try await withTLS { gateway in
            let refused = try await handshake(gateway, "-tls1_2", "-cipher", old)
            #expect(refused.contains("handshake failure"), "\(refused)")
            let both = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
            let chosen = try await handshake(gateway, "-tls1_2", "-cipher", both, "-alpn", "h2")
            #expect(chosen.contains("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"), "\(chosen)")
            #expect(chosen.contains("ALPN protocol: h2"))
        }
        try await withTLS(change: { $0.allowsOlderClients = true }) { gateway in
            let served = try await handshake(gateway, "-tls1_2", "-cipher", old, "-alpn", "h2,http/1.1")
            #expect(served.contains("Cipher is ECDHE-ECDSA-AES128-SHA"), "\(served)")
            #expect(served.contains("ALPN protocol: http/1.1"))
        }
    }

    @Test func unsupportedProtocolIsAnAlert() async throws {
        try await withTLS { gateway in
            let connection = try await gateway.connect()
            try await connection.send(Self.hello(protocols: ["foo"]))
            let alert = try await connection.receive { bytes, isClosed in isClosed ? bytes : nil }
            #expect(alert == [21, 3, 3, 0, 2, 2, 120])
            await connection.close()
            for version in ["-tls1_2", "-tls1_3"] {
                let text = try await handshake(gateway, version, "-alpn", "foo")
                #expect(text.contains("no application protocol"), "\(text)")
            }
        }
    }

    @Test(arguments: ["GET /api HTTP/1.1\r\nHost: a\r\n\r\n", "POST /api HTTP/1.1\r\nHost: a\r\n"])
    func plainHTTPRequestIsExplained(_ request: String) async throws {
        try await withTLS { gateway in
            let connection = try await gateway.connect()
            try await connection.send(request)
            let response = try await connection.response()
            #expect(response.status == 400 && response["connection"] == "close")
            #expect(response.text.contains("https_required"))
            try await connection.untilClosed()
            await connection.close()
        }
    }

    /// Connects with TLS and accepts any certificate.
    private func connect(_ gateway: GatewayFixture, protocols: [String] = []) async throws -> TestConnection {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.certificateVerification = .none
        settings.applicationProtocols = protocols
        let context = try NIOSSLContext(configuration: settings)
        let connection = try await gateway.connect()
        let channel = connection.channel
        try await channel.eventLoop.submit {
            let handler = try NIOSSLClientHandler(context: context, serverHostname: nil)
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        }.get()
        return connection
    }

    @Test func rejectsHTTP1AfterNegotiatingHTTP2() async throws {
        try await withTLS { gateway in
            let connection = try await connect(gateway, protocols: ["h2"])
            try await connection.send("GET /api HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = try await connection.untilClosed()
            #expect(!text.contains("HTTP/1.1"))
            #expect(text.utf8.contains(7), "no GOAWAY")
            await connection.close()
        }
    }

    @Test func answersAfterHalfCloseOverTLS() async throws {
        try await withTLS { gateway in
            let connection = try await connect(gateway)
            try await connection.send("GET /api HTTP/1.1\r\nHost: a\r\n\r\n")
            try await connection.channel.close(mode: .output).get()
            #expect(try await connection.response().text == "hello")
            await connection.close()
        }
    }

    // MARK: Certificates

    @Test func expiredCertificateDoesNotReplaceAValidOne() async throws {
        try await TestCertificates.with { made in
            let pair = made.pair("a")
            try TestCertificates.makeSelfSigned("long.example", pair.chain, pair.key, days: 30)
            let later = Int(Date().timeIntervalSince1970) + 10 * 86_400
            let configuration = GatewayConfiguration.TLS(
                certificates: [.init(chainPath: pair.chain, keyPath: pair.key)])
            let listener = try TLSListener(configuration, clock: { later })
            #expect(listener.warnings().isEmpty)
            try TestCertificates.makeSelfSigned("short.example", pair.chain, pair.key, days: 1)
            let warnings = try listener.reload(configuration)
            #expect(warnings.count == 1)
            #expect(warnings.first?.contains("expired on") == true)
            #expect(warnings.first?.contains("stays in use") == true)
            #expect(listener.warnings().isEmpty)
            // At the start there is no better certificate.
            let fresh = try TLSListener(configuration, clock: { later })
            #expect(fresh.warnings().count == 1)
        }
    }
}

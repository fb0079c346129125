import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// A plain-text listener that redirects clients to TLS.
@Suite struct SecureRedirectTests {
    private func location(_ lines: [String], port: Int, listener: Int = 8443) throws -> String? {
        var configuration = GatewayConfiguration.HTTPSRedirect(host: "::", port: 80)
        configuration.securePort = port == 0 ? nil : port
        let redirect = SecureRedirect(configuration, listener: listener)
        return try TestRequest.with(lines, redirect: redirect) { request in
            redirect.location(request).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func keepsHostPathAndQuery() throws {
        #expect(
            try location(["GET /a%20b?c=/d%2F HTTP/1.1"], port: 443)
                == "Location: https://example.com/a%20b?c=/d%2F\r\n")
        #expect(try location(["GET / HTTP/1.1"], port: 0) == "Location: https://example.com:8443/\r\n")
        #expect(
            try location(["GET http://other.example:8080/x HTTP/1.1"], port: 8443)
                == "Location: https://other.example:8443/x\r\n")
        #expect(try location(["GET http://[::1]:80/x HTTP/1.1"], port: 443) == "Location: https://[::1]/x\r\n")
        #expect(try location(["OPTIONS * HTTP/1.1"], port: 443) == "Location: https://example.com/\r\n")
        #expect(try location(["GET /.well-known/acme-challenge/token HTTP/1.1"], port: 443) == nil)
        #expect(try location(["GET /.well-known/acme-challenge HTTP/1.1"], port: 443) != nil)
    }

    @Test func secondListenerRedirectsAndAnswersACME() async throws {
        try await TestCertificates.with { made in
            let pair = try made.make("a.example", as: "a")
            try await withGateway(configure: { configuration in
                var tls = GatewayConfiguration.TLS(certificates: [.init(chainPath: pair.chain, keyPath: pair.key)])
                tls.redirect = .init(host: "127.0.0.1", port: 0)
                tls.redirect?.status = 301
                tls.redirect?.securePort = 443
                configuration.tls = tls
                configuration.routes = [.init(.prefix("/"), action: .respond(.init(body: "challenge")))]
            }) { gateway in
                let port = try #require(gateway.gateway.redirectPort)
                let connection = try await TestConnection.connect(port: port)
                try await connection.send(
                    "GET /a?b HTTP/1.1\r\nHost: a.example:\(port)\r\n\r\n"
                        + "GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: a.example\r\n\r\n")
                let redirected = try await connection.response()
                #expect(redirected.status == 301)
                #expect(redirected["location"] == "https://a.example/a?b")
                let challenge = try await connection.response()
                #expect(challenge.status == 200 && challenge.text == "challenge")
                await connection.close()
            }
        }
    }
}

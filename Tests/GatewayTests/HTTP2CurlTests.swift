import Foundation
import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// HTTP/2 with curl (nghttp2), over TLS and with prior knowledge.
@Suite struct HTTP2CurlTests {
    private func curl(_ arguments: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = ["-sS", "--max-time", "20", "-w", "\n%{http_version} %{http_code}"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        // Wait on a separate thread, because the gateway and its upstream need the others.
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }

    private func upstream() async throws -> TestUpstream {
        try await TestUpstream.start {
            TestUpstream.ok("\($0.startLine) \($0["x-forwarded-proto"] ?? "-") \($0.body.count)")
        }
    }

    @Test func withPriorKnowledge() async throws {
        let upstream = try await upstream()
        try await withGateway(endpoint: upstream.endpoint) { gateway in
            let url = "http://127.0.0.1:\(gateway.port)/api"
            let get = try await curl(["--http2-prior-knowledge", url])
            #expect(get == "GET /api HTTP/1.1 http 0\n2 200")
            let body = String(repeating: "x", count: 100_000)
            let post = try await curl(["--http2-prior-knowledge", "-d", body, url])
            #expect(post == "POST /api HTTP/1.1 http 100000\n2 200")
            // HTTP/2 no longer has an upgrade from HTTP/1.1, so the connection stays at HTTP/1.1.
            let upgrade = try await curl(["--http2", url])
            #expect(upgrade == "GET /api HTTP/1.1 http 0\n1.1 200")
            let plain = try await curl(["--http1.1", url])
            #expect(plain == "GET /api HTTP/1.1 http 0\n1.1 200")
        }
        await upstream.stop()
    }

    @Test func compressedKeptAndJoinedAnswersToo() async throws {
        let text = "\"" + String(repeating: "something ", count: 500) + "\""
        try await withProxy(answer: { _ in
            TestUpstream.ok(text, headers: "Content-Type: application/json\r\nCache-Control: max-age=60\r\n")
        }) { configuration in
            configuration.routes[0].policies.compression = .init()
            configuration.routes[0].cache = .init()
            var aggregate = GatewayConfiguration.Aggregate()
            aggregate.parts = ["a", "b"].map { .init(name: $0, upstream: "test", path: "/\($0)") }
            configuration.routes.append(.init(.exact("/all"), action: .aggregate(aggregate)))
        } _: { gateway, upstream in
            let url = "http://127.0.0.1:\(gateway.port)"
            for source in ["fwd=uri-miss", "hit"] {
                let answer = try await curl(["--http2-prior-knowledge", "--compressed", "-D", "-", url + "/api"])
                #expect(answer.contains("content-encoding: gzip\r\n"))
                #expect(answer.contains("cache-status: martlet; \(source)"))
                #expect(answer.hasSuffix("\r\n\r\n\(text)\n2 200"))
            }
            let all = try await curl(["--http2-prior-knowledge", url + "/all"])
            #expect(all == "{\"a\":\(text),\"b\":\(text)}\n2 200")
        }
    }

    @Test(arguments: [(100, "2"), (0, "1.1")])
    func overTLS(_ streams: Int, _ version: String) async throws {
        let upstream = try await upstream()
        try await TestCertificates.with { certificates in
            let files = try certificates.make("a.example", as: "a")
            try await withGateway(endpoint: upstream.endpoint) {
                $0.tls = .init(certificates: [.init(chainPath: files.chain, keyPath: files.key)])
                $0.limits.streams = streams
            } _: { gateway in
                let address = [
                    "--cacert", files.chain, "--resolve", "a.example:\(gateway.port):127.0.0.1",
                    "https://a.example:\(gateway.port)/api",
                ]
                let answer = try await curl(["--http2"] + address)
                #expect(answer == "GET /api HTTP/1.1 https 0\n\(version) 200")
                let plain = try await curl(["--http1.1"] + address)
                #expect(plain == "GET /api HTTP/1.1 https 0\n1.1 200")
            }
        }
        await upstream.stop()
    }
}

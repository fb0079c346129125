import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Gateway

/// The gateway's TLS listener, with a real client.
@Suite struct TLSTests {
    private func withCertificates(
        _ names: [String], _ body: ([GatewayConfiguration.TLS.Certificate]) async throws -> Void
    ) async throws {
        try await TestCertificates.with { made in
            try await body(
                try names.enumerated().map { index, name in
                    let pair = try made.make(name, as: "\(index)")
                    return .init(chainPath: pair.chain, keyPath: pair.key, names: [name])
                })
        }
    }

    private struct Answer {
        let text: String
        /// The common name of the server's certificate.
        let certificate: String
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let answer: NIOLoopBoundBox<ByteBuffer>
        private let done: EventLoopPromise<String>

        /// Call it on the promise's event loop.
        init(_ done: EventLoopPromise<String>) {
            answer = NIOLoopBoundBox(ByteBuffer(), eventLoop: done.futureResult.eventLoop)
            self.done = done
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var data = unwrapInboundIn(data)
            answer.value.writeBuffer(&data)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            done.fail(error)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { done.succeed(String(buffer: answer.value)) }
    }

    private func ask(
        _ port: Int, name: String?, change: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> Answer {
        let shown = Seen()
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.certificateVerification = .noHostnameVerification
        change(&settings)
        let context = try NIOSSLContext(configuration: settings)
        let loop = peerLoops.next()
        let done = loop.makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(
                    context: context, serverHostname: name,
                    customVerificationCallback: { chain, promise in
                        shown.value = chain.first.map { "\($0)" } ?? ""
                        promise.succeed(.certificateVerified)
                    })
                try channel.pipeline.syncOperations.addHandler(handler)
                try channel.pipeline.syncOperations.addHandler(Collector(done))
            }
        }.connect(host: "127.0.0.1", port: port).get()
        // The collector reports why a write failed.
        try? await channel.writeAndFlush(
            ByteBuffer(string: "GET /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        return Answer(text: try await done.futureResult.get(), certificate: shown.value)
    }

    /// A value stored by a callback.
    private final class Seen: Sendable {
        private let text = Mutex("")

        var value: String {
            get { text.withLock { $0 } }
            set { text.withLock { $0 = newValue } }
        }
    }

    @Test func selectsTheCertificateByNameAndForwardsHTTPS() async throws {
        let upstream = try await TestUpstream.start {
            TestUpstream.ok("\($0["x-forwarded-proto"] ?? "-") \($0["forwarded"] ?? "-")")
        }
        try await withCertificates(["a.example", "*.b.example"]) { certificates in
            try await withGateway(endpoint: upstream.endpoint) {
                $0.tls = .init(certificates: certificates)
            } _: { gateway in
                let first = try await ask(gateway.port, name: "a.example")
                #expect(first.text.hasPrefix("HTTP/1.1 200"))
                #expect(first.text.contains("https for=127.0.0.1;proto=https;host=\"x\""))
                #expect(first.certificate.contains("a.example"))
                let second = try await ask(gateway.port, name: "x.b.example")
                #expect(second.certificate.contains("*.b.example"))
                for other in ["b.example", "x.y.b.example", nil] {
                    let answer = try await ask(gateway.port, name: other)
                    #expect(answer.certificate.contains("a.example"))
                }
                // TLS 1.1 is not supported.
                await #expect(throws: (any Error).self) {
                    _ = try await ask(gateway.port, name: "a.example") {
                        $0.minimumTLSVersion = .tlsv1
                        $0.maximumTLSVersion = .tlsv11
                    }
                }
            }
        }
        await upstream.stop()
    }

    @Test func picksUpNewCertificatesAndKeepsValidOnes() async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withCertificates(["old.example"]) { certificates in
            let files = certificates[0]
            try await withGateway(endpoint: upstream.endpoint) {
                $0.tls = .init(certificates: certificates)
            } _: { gateway in
                var configuration = GatewayConfiguration(port: 0)
                configuration.tls = .init(certificates: certificates)
                configuration.timeouts.linger = .milliseconds(20)
                try TestCertificates.makeSelfSigned("new.example", files.chainPath, files.keyPath)
                try await gateway.gateway.reload(configuration)
                let renewed = try await ask(gateway.port, name: nil)
                #expect(renewed.certificate.contains("new.example"))
                // A key that does not match the certificate.
                try TestCertificates.makeSelfSigned("other.example", files.chainPath, "/dev/null")
                await #expect(throws: GatewayError.self) { try await gateway.gateway.reload(configuration) }
                try Data("no certificate".utf8).write(to: URL(fileURLWithPath: files.chainPath))
                await #expect(throws: GatewayError.self) { try await gateway.gateway.reload(configuration) }
                let kept = try await ask(gateway.port, name: nil)
                #expect(kept.certificate.contains("new.example"))
            }
        }
        await upstream.stop()
    }
}

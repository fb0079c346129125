import Foundation
import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// Edits of response fields apply to the gateway's own responses as well as to those of upstreams.
@Suite struct OwnAnswerHeaderTests {
    private static func edited(_ route: GatewayConfiguration.RouteRule) -> GatewayConfiguration.RouteRule {
        var route = route
        route.policies.responseHeaders.set = ["Cache-Control": "private, max-age=5", "Content-Type": "text/x-own"]
        route.policies.responseHeaders.add = ["X-Added": "1"]
        route.policies.responseHeaders.remove = ["ETag", "grpc-status"]
        route.policies.securityHeaders = .init()
        return route
    }

    private func expectEdited(_ answer: TestMessage) {
        #expect(answer.all("cache-control") == ["private, max-age=5"])
        #expect(answer.all("content-type") == ["text/x-own"])
        #expect(answer.all("etag") == [])
        #expect(answer.all("x-added") == ["1"])
        #expect(answer.all("x-content-type-options") == ["nosniff"])
    }

    @Test func applyToFilesFixedResponsesAndRedirects() async throws {
        let folder = try TemporarySite(["page.html": String(repeating: "<p>hello</p>", count: 500)])
        try await withGateway(configure: { configuration in
            configuration.routes = [
                .init(.prefix("/f"), action: .files(.init(root: folder.root))),
                .init(.exact("/r"), action: .respond(.init(body: "fixed"))),
                .init(.exact("/to"), action: .redirect(.init(location: "/elsewhere"))),
            ].map(Self.edited)
        }) { gateway in
            for headers in ["", "Accept-Encoding: gzip\r\n", "Range: bytes=0-4\r\n", "If-None-Match: *\r\n"] {
                let file = try await gateway.get("/f/page.html", headers: headers)
                expectEdited(file)
                // Fields that describe the content stay.
                #expect((file["content-encoding"] == "gzip") == headers.hasPrefix("Accept"))
            }
            for path in ["/r", "/to"] { expectEdited(try await gateway.get(path)) }
            #expect(try await gateway.get("/to")["location"] == "/elsewhere")
        }
    }

    /// A problem is never stored, but gets the other fields of the route.
    @Test func applyToProblems() async throws {
        try await withGateway(configure: { configuration in
            var route = GatewayConfiguration.RouteRule(.exact("/r"), action: .respond(.init()))
            route.policies.authentication = .init(apiKeys: .init(keys: []))
            route.policies.responseHeaders.set = ["Cache-Control": "public, max-age=60"]
            route.policies.responseHeaders.remove = ["WWW-Authenticate"]
            route.policies.securityHeaders = .init()
            configuration.routes = [route]
        }) { gateway in
            let answer = try await gateway.get("/r")
            #expect(answer.status == 401)
            #expect(answer["www-authenticate"] == nil)
            #expect(answer.all("cache-control") == ["no-store", "public, max-age=60"])
            #expect(answer.all("x-content-type-options") == ["nosniff"])
        }
    }

    @Test func applyToAggregatedAndStoredResponses() async throws {
        try await withProxy(answer: { _ in
            TestUpstream.ok(
                "{}", headers: "Content-Type: application/json\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\n")
        }) { configuration in
            var aggregate = GatewayConfiguration.Aggregate()
            aggregate.parts = [.init(name: "a", upstream: "test", path: "/api/a")]
            var kept = GatewayConfiguration.RouteRule(.exact("/kept"), upstream: "test")
            kept.cache = .init()
            configuration.routes = [
                Self.edited(.init(.exact("/all"), action: .aggregate(aggregate))), Self.edited(kept),
            ]
        } _: { gateway, upstream in
            expectEdited(try await gateway.get("/all"))
            for headers in ["", "", "If-None-Match: \"1\"\r\n"] {
                let answer = try await gateway.get("/kept", headers: headers)
                expectEdited(answer)
                #expect(answer.status == (headers.isEmpty ? 200 : 304))
            }
        }
    }

    @Test func applyToCalls() async throws {
        let server = try await TestGRPCServer.start { call in
            call.start([("etag", "\"1\""), ("cache-control", "public"), ("x-content-type-options", "theirs")])
            call.send("one")
            call.end(0)
        }
        let descriptors = try TestGRPCServer.descriptors()
        defer { try? FileManager.default.removeItem(atPath: descriptors) }
        try await withGateway(configure: { configuration in
            configuration.upstreams = [.init(name: "texts", endpoints: [server.endpoint])]
            configuration.routes = [
                Self.edited(
                    .init(
                        .prefix("/texts"),
                        action: .grpc(.init(upstream: "texts", descriptors: descriptors, services: ["test.Texts"]))))
            ]
        }) { gateway in
            for path in ["/texts/a", "/texts/a:watch"] {
                let answer = try await gateway.get(path)
                #expect(answer.status == 200)
                expectEdited(answer)
                #expect(answer["grpc-status"] == nil)
            }
        }
        await server.stop()
    }

    /// Compression does not restore a removed field.
    @Test func compressionBringsNothingBack() async throws {
        let body = String(repeating: "hello ", count: 1000)
        let folder = try TemporarySite(["page.txt": body])
        try await withProxy(answer: { _ in
            TestUpstream.ok(body, headers: "Content-Type: text/plain\r\nETag: \"1\"\r\n")
        }) { configuration in
            configuration.routes = [
                .init(.exact("/proxied"), upstream: "test"), .init(.exact("/own"), action: .respond(.init(body: body))),
                .init(.prefix("/files"), action: .files(.init(root: folder.root))),
            ]
            for index in configuration.routes.indices {
                configuration.routes[index].policies.compression = .init()
                configuration.routes[index].policies.responseHeaders.remove = ["ETag", "Content-Encoding"]
            }
        } _: { gateway, upstream in
            for path in ["/proxied", "/own", "/files/page.txt"] {
                let answer = try await gateway.get(path, headers: "Accept-Encoding: gzip\r\n")
                #expect(answer.all("content-encoding") == ["gzip"])
                #expect(answer["etag"] == nil)
                let content = try #require(Inflater.inflate(answer.body)).content
                #expect(String(decoding: content, as: UTF8.self) == body)
            }
        }
    }
}

import NIOCore
import Testing

@testable import Gateway

/// The settings of upstream connections in the gateway's file.
@Suite struct UpstreamFileTests {
    @Test func readsEveryKey() throws {
        let configuration = try GatewayFile.configuration(
            """
            limits: {body_rate: 0}
            upstreams:
              a:
                endpoints: ["http://127.0.0.1:1"]
                host: shop.example.org
                request_body: {buffered: 10MiB}
                keep_alive: {idle: 1s, maximum_age: 1m}
                health: {path: /h, host: "x.example:1", headers: {Authorization: "Bearer x"}, statuses: [200-204, 301]}
              b: {endpoints: ["http://127.0.0.1:2"], host: upstream, request_body: buffered}
              c: {endpoints: ["http://127.0.0.1:3"], host: preserve, request_body: streamed}
            routes:
              - prefix: /a
                upstream: a
                rewrite: {strip_prefix: /a, redirects: true}
                upgrade: [websocket]
                timeouts: {tunnel: 1h}
            """)
        let all = configuration.upstreams
        #expect(configuration.limits.bodyRate == 0)
        #expect(all.map(\.host) == [.literal("shop.example.org"), .upstream, .preserve])
        #expect(all.map(\.bufferedBody) == [10 << 20, 1 << 20, nil])
        #expect(all[0].keepAlive.idle == .seconds(1) && all[0].keepAlive.maximumAge == .minutes(1))
        #expect(all[1].keepAlive == .init())
        #expect(all[0].health?.host == "x.example:1" && all[0].health?.headers == ["Authorization": "Bearer x"])
        #expect(all[0].health?.statuses == [200...204, 301...301])
        #expect(configuration.routes[0].rewrite.mapsAnswers)
        #expect(configuration.routes[0].timeouts.tunnel == .hours(1))
    }

    @Test func reportsTheValidForm() throws {
        let text = """
            limits: {body_rate: 5s}
            upstreams:
              a:
                endpoints: ["http://127.0.0.1:1"]
                host: http://shop.example.org
                request_body: {buffered: 1GiB}
                keep_alive: {idle: 5, maximum_age: 10ms}
                health:
                  path: health
                  host: "a b"
                  headers: {Host: x, Content-Length: "1"}
                  statuses: [99, 300-200, ok]
              b:
                endpoints: ["http://127.0.0.1:1"]
                request_body: true
            routes:
              - {path: /a, upstream: a, rewrite: {redirects: true}}
              - {path: /b, upstream: a, timeouts: {tunnel: 1h}}
            """
        let error = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
        #expect(
            error?.lines == [
                "f:1: limits.body_rate: must be a whole number from 0 to 1000000",
                "f:5: upstreams.a.host: 'http://shop.example.org' is not a host; write example.org or example.org:8443, without http://",
                "f:6: upstreams.a.request_body.buffered: must be at most 64MiB",
                "f:7: upstreams.a.keep_alive.idle: needs a unit: ms, s, m, h or d, as in 5s",
                "f:7: upstreams.a.keep_alive.maximum_age: must be from 1s to 366d",
                "f:9: upstreams.a.health.path: must be a path such as /health, without spaces",
                "f:10: upstreams.a.health.host: 'a b' is not a host; write example.org or example.org:8443, without http://",
                "f:11: upstreams.a.health.headers.Host: cannot be set here; use the key host",
                "f:11: upstreams.a.health.headers.Content-Length: 'Content-Length' cannot be set",
                "f:12: upstreams.a.health.statuses[0]: must be a status such as 200, or a range such as 200-299",
                "f:12: upstreams.a.health.statuses[1]: must be a status such as 200, or a range such as 200-299",
                "f:12: upstreams.a.health.statuses[2]: must be a status such as 200, or a range such as 200-299",
                "f:12: upstreams.a.health.statuses: needs a status such as 200 or 200-299",
                "f:15: upstreams.b.request_body: must be streamed, buffered or {buffered: SIZE} such as {buffered: 10MiB}",
                "f:17: routes[0].rewrite.redirects: needs strip_prefix or add_prefix",
                "f:18: routes[1].timeouts.tunnel: applies only to routes with upgrade, such as upgrade: [websocket]",
            ], "\(error?.description ?? "")")
    }
}

import MartletCore
import MartletTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import MartletDiscovery

/// Responses in the documented format of Consul's health API, from a test server that replaces Consul.
@Suite struct ConsulTests {
    /// A response of `/v1/health/service/shop?passing=1`.
    static func answer(_ instances: (address: String, port: Int)...) -> String {
        let entries = instances.enumerated().map { index, instance in
            """
            {"Node":{"ID":"40e4a748-2192-161a-0510-9bf59fe950b\(index)","Node":"node\(index)",
              "Address":"10.1.10.1\(index)","Datacenter":"dc1",
              "TaggedAddresses":{"lan":"10.1.10.1\(index)","wan":"10.1.10.1\(index)"},"Meta":{}},
             "Service":{"ID":"shop-\(index)","Service":"shop","Tags":["primary"],"Address":"\(instance.address)",
              "Meta":{},"Port":\(instance.port),"Weights":{"Passing":10,"Warning":1},"Namespace":"default"},
             "Checks":[{"Node":"node\(index)","CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing",
              "Notes":"","Output":"","ServiceID":"","ServiceName":"","ServiceTags":[],"Namespace":"default"}]}
            """
        }
        return "[\(entries.joined(separator: ","))]"
    }

    @Test func readsInstances() throws {
        let answer = Self.answer(("10.1.10.12", 8000), ("", 8001))
        let list = try ConsulWatcher.list(JSONValue(parsing: Array(answer.utf8)))
        #expect(
            list.endpoints == [
                DiscoveredEndpoint(.tcp(host: "10.1.10.12", port: 8000), weight: 10),
                // An instance without an address has its node's address.
                DiscoveredEndpoint(.tcp(host: "10.1.10.11", port: 8001), weight: 10),
            ])
        #expect(list.unusable.isEmpty)
        #expect(try ConsulWatcher.list([]) == RegistryList())
        #expect(throws: RegistryError.self) { try ConsulWatcher.list(["x": 1]) }
        let broken = try ConsulWatcher.list([1, ["Service": ["Port": 1]], ["Service": ["ID": "shop-1", "Port": "x"]]])
        #expect(broken.endpoints.isEmpty)
        #expect(broken.unusable == [":1", "an instance without a port", "shop-1"])
    }

    @Test func followsTheRulesOfBlockingQueries() {
        var index = ConsulIndex()
        func after(_ header: String?) -> UInt64 {
            index.advance(header)
            return index.value
        }
        let values = [
            after("17"), after("18"), after("18"), after("5"), after("6"), after(nil), after("0"), after("x"),
        ]
        // If the index goes back, it is reset. A zero never causes queries that do not block.
        #expect(values == [17, 18, 18, 0, 6, 0, 1, 1])
    }

    @Test func reportsTheCurrentFailure() async throws {
        let server = try await ScriptedConsul.start()
        server.say("x", index: nil, status: .internalServerError)
        let log = RecordedLog()
        try await withDiscovery(
            .consul(ConsulSource(address: server.address, service: "shop")), log: log
        ) { found in
            try await eventually("the loss") { found.reason?.contains("returned status 500") == true }
            server.say("x", index: nil, status: .forbidden)
            try await eventually("the other reason") { found.reason?.contains("returned status 403") == true }
        }
        #expect(log.lines.filter { $0.hasPrefix("warning") }.count == 1, "\(log.lines)")
        try await server.stop()
    }

    @Test func keepsKnownEndpointsUntilAChange() async throws {
        let server = try await ScriptedConsul.start()
        server.say("[]", index: "1")
        let known = [DiscoveredEndpoint(.tcp(host: "10.0.0.1", port: 80))]
        let source = DiscoverySource.consul(ConsulSource(address: server.address, service: "shop"))
        try await withDiscovery(source, emptyHold: .seconds(60), known: known) { found in
            try await eventually("the first answer") { found.isReachable == true }
            try await eventually("a question that waits") { server.questions.last?.contains("index=1&") == true }
            // An empty list is not accepted immediately, unlike the first list of a registry.
            #expect(found.hosts == nil)
            server.say(Self.answer(("10.0.0.2", 80)), index: "2")
            try await found.becomes("10.0.0.2:80")
        }
        try await server.stop()
    }

    @Test func followsAService() async throws {
        let server = try await ScriptedConsul.start()
        server.say(Self.answer(("10.0.0.1", 80)), index: "10")
        var source = ConsulSource(
            address: server.address, service: "shop", tag: "a b", datacenter: "dc1", token: "secret-token")
        source.wait = .seconds(10)
        let log = RecordedLog()
        try await withDiscovery(.consul(source), log: log) { found in
            try await found.becomes("10.0.0.1:80")
            try await eventually("a question that waits") { server.questions.last?.contains("index=10&") == true }
            server.say(Self.answer(("10.0.0.1", 80), ("10.0.0.2", 80)), index: "11")
            try await found.becomes("10.0.0.1:80", "10.0.0.2:80")
            // An error is not an empty list.
            server.say("rpc error: No cluster leader", index: nil, status: .internalServerError)
            try await eventually("the loss") { found.isReachable == false }
            #expect(found.hosts == ["10.0.0.1:80", "10.0.0.2:80"])
            // Starts again after Consul has lost its state.
            server.say(Self.answer(("10.0.0.3", 80)), index: "2")
            try await found.becomes("10.0.0.3:80")
            try await eventually("a question that waits") { server.questions.last?.contains("index=2&") == true }
            server.say("[]", index: "3")
            try await found.becomes()
        }
        #expect(
            server.questions.first
                == "/v1/health/service/shop?passing=1&index=0&wait=10s&tag=a%20b&dc=dc1 secret-token")
        #expect(log.lines.filter { $0.hasPrefix("warning") }.count == 1, "\(log.lines)")
        try await server.stop()
    }
}

/// Responds as Consul does: immediately if its index differs from that of the query, otherwise when it changes.
private final class ScriptedConsul: Sendable {
    private struct State {
        var body = "[]"
        var index: String?
        var status = HTTPResponseStatus.ok
        var questions: [String] = []
        var waiting: [(index: String, answer: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    static func start() async throws -> ScriptedConsul {
        let server = ScriptedConsul()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(server: server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        return server
    }

    var address: String { "http://127.0.0.1:\(channel.withLock { $0?.localAddress?.port } ?? 0)" }

    /// The targets of all requests so far, with their tokens.
    var questions: [String] { state.withLock { $0.questions } }

    func stop() async throws { try await channel.withLock { $0 }?.close() }

    func say(_ body: String, index: String?, status: HTTPResponseStatus = .ok) {
        let waiting = state.withLock { state in
            state.body = body
            state.index = index
            state.status = status
            defer { state.waiting = [] }
            return state.waiting
        }
        for (_, answer) in waiting { answer() }
    }

    fileprivate func ask(_ question: String, _ index: String, _ answer: @escaping @Sendable () -> Void) {
        let isNews = state.withLock { state in
            state.questions.append(question)
            if state.index == index { state.waiting.append((index, answer)) }
            return state.index != index
        }
        if isNews { answer() }
    }

    fileprivate var current: (body: String, index: String?, status: HTTPResponseStatus) {
        state.withLock { ($0.body, $0.index, $0.status) }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let server: ScriptedConsul

        init(server: ScriptedConsul) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            let index = head.uri.firstMatch(of: /index=([0-9]+)/).map { String($0.1) } ?? ""
            let channel = context.channel
            let server = server
            server.ask("\(head.uri) \(head.headers.first(name: "X-Consul-Token") ?? "")", index) {
                let (body, index, status) = server.current
                var headers = HTTPHeaders([("Content-Length", "\(body.utf8.count)")])
                if let index { headers.add(name: "X-Consul-Index", value: index) }
                channel.write(HTTPServerResponsePart.head(.init(version: .http1_1, status: status, headers: headers)))
                    .whenComplete { _ in }
                channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body)))).whenComplete { _ in }
                channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in }
            }
        }
    }
}

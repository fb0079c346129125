import Foundation
import GRPCTranscoding
import MartletCore
import MartletTesting
import NIOCore
import NIOHPACK
import NIOHTTP2
import Synchronization
import Testing

@testable import Gateway

/// gRPC calls to a server on which the test controls every frame.
@Suite struct GRPCTests {
    private func withServer(
        maximumStreams: Int = 100, others: [Endpoint] = [],
        configure: @Sendable (inout GatewayConfiguration.RouteRule) -> Void = { _ in },
        answer: @escaping @Sendable (TestGRPCServer.Call) -> Void,
        _ body: (GatewayFixture, TestGRPCServer) async throws -> Void
    ) async throws {
        let server = try await TestGRPCServer.start(maximumStreams: maximumStreams, answer)
        let descriptors = try TestGRPCServer.descriptors()
        defer { try? FileManager.default.removeItem(atPath: descriptors) }
        try await withGateway(configure: { configuration in
            configuration.upstreams = [.init(name: "texts", endpoints: others + [server.endpoint])]
            var route = GatewayConfiguration.RouteRule(
                .prefix("/texts"),
                action: .grpc(.init(upstream: "texts", descriptors: descriptors, services: ["test.Texts"])))
            configure(&route)
            configuration.routes = [route]
        }) { try await body($0, server) }
        await server.stop()
    }

    @Test func forwardsMessagesBothWays() async throws {
        try await withServer(answer: { call in
            call.start([
                ("x-shelf", "wood"), ("grpc-encoding", "identity"), ("x-request-id", "theirs"), ("server", "texts/1.0"),
            ])
            call.send(String(decoding: call.message.dropFirst(7), as: UTF8.self) + call.path)
            call.end(0)
        }) { gateway, server in
            let answer = try await gateway.get("/texts/abc")
            #expect(answer.status == 200)
            #expect(answer.text == #"{"text":"abc/test.Texts/Get"}"#)
            #expect(answer["x-shelf"] == "wood" && answer["grpc-status"] == "0" && answer["grpc-encoding"] == nil)
            #expect(answer["content-type"] == "application/json" && answer["server"] == nil)
            #expect(answer.all("x-request-id").count == 1 && answer["x-request-id"] != "theirs")
            // The next calls use the same connection.
            for _ in 0..<5 {
                let answer = try await gateway.get("/texts/abc")
                #expect(answer.status == 200)
            }
            #expect(server.acceptedCount == 1)
        }
    }

    @Test func sendsHeadersAsMetadata() async throws {
        let seen = Mutex(HPACKHeaders())
        try await withServer(
            configure: { $0.timeouts.total = .seconds(5) },
            answer: { call in
                seen.withLock { $0 = call.headers }
                call.refuse(0)
            }
        ) { gateway, _ in
            _ = try await gateway.get(
                "/texts/abc",
                headers: "Authorization: Bearer x\r\nX-User-Id: 7\r\ngrpc-timeout: 1H\r\nX-Own: \u{E9}\r\n")
            let headers = seen.withLock { $0 }
            #expect(headers[":path"] == ["/test.Texts/Get"] && headers[":authority"] == ["example.com"])
            #expect(headers["te"] == ["trailers"] && headers["content-type"] == ["application/grpc"])
            #expect(
                headers["authorization"] == ["Bearer x"] && headers["x-user-id"].isEmpty && headers["x-own"].isEmpty)
            #expect(headers["traceparent"].count == 1 && headers["x-request-id"].count == 1)
            let timeout = try #require(headers.first(name: "grpc-timeout"))
            #expect(timeout.hasSuffix("m") && (1...5000).contains(Int(timeout.dropLast()) ?? 0))
        }
    }

    @Test func streamsElementByElement() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(answer: { call in calls.withLock { $0.append(call) } }) { gateway, _ in
            let connection = try await gateway.connect()
            try await connection.send("GET /texts/a:watch HTTP/1.1\r\nHost: x\r\n\r\n")
            let call = try await first(calls)
            call.start()
            // The head is sent with the metadata, each element with its message.
            let head = try await connection.receive(until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200 OK") && head.contains("Transfer-Encoding: chunked"))
            call.send("one")
            let one = try await connection.receive(until: "}\r\n")
            #expect(one == "f\r\n[{\"text\":\"one\"}\r\n")
            call.send("two")
            let two = try await connection.receive(until: "}\r\n")
            #expect(two == "f\r\n,{\"text\":\"two\"}\r\n")
            call.end(0)
            let end = try await connection.receive(until: "0\r\n\r\n")
            #expect(end == "1\r\n]\r\n0\r\n\r\n")
            // The connection serves the next request.
            try await connection.send("GET /texts/a HTTP/1.1\r\nHost: x\r\n\r\n")
            let next = try await first(calls)
            next.refuse(5)
            let answer = try await connection.response()
            #expect(answer.status == 404)
            await connection.close()
        }
    }

    @Test func closesTheConnectionToEndAStreamForHTTP10() async throws {
        try await withServer(answer: { call in
            call.reply("one")
        }) { gateway, _ in
            let connection = try await gateway.connect()
            try await connection.send("GET /texts/a:watch HTTP/1.0\r\n\r\n")
            let answer = try await connection.untilClosed()
            #expect(answer.hasSuffix("\r\n\r\n[{\"text\":\"one\"}]") && !answer.contains("chunked"))
        }
    }

    @Test func failedCallsAreProblems() async throws {
        try await withServer(answer: { call in
            if call.path.hasSuffix("Watch") {
                call.refuse(8)
            } else {
                call.start()
                call.end(9, "not now%21")
            }
        }) { gateway, _ in
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 400 && answer["grpc-status"] == "9" && answer["grpc-message"] == "not now%21")
            let problem = try JSONValue(parsing: answer.body)
            #expect(problem["code"] == "failed_precondition" && problem["detail"] == "not now!")
            let stream = try await gateway.get("/texts/a:watch")
            #expect(stream.status == 429)
        }
    }

    @Test(arguments: [
        "no status", "compressed", "too long", "two messages", "no message", "other type", "500", "cut", "reset",
        "gone",
    ])
    func invalidAnswersAre502(kind: String) async throws {
        try await withServer(answer: { call in
            switch kind {
            case "no status":
                call.start()
                call.send(bytes: [], isEnd: true)
            case "compressed":
                call.start()
                call.send("a", flag: 1)
            case "too long":
                call.start()
                call.send(bytes: [0, 0x7F, 0xFF, 0xFF, 0xFF])
            case "two messages":
                call.start()
                call.send("a")
                call.send("b")
                call.end(0)
            case "no message":
                call.start()
                call.end(0)
            case "other type":
                call.start(type: "text/html")
            case "500":
                call.start(status: "500")
            case "cut":
                call.start()
                call.send(bytes: [0, 0, 0, 0, 9, 1])
                call.end(0)
            case "reset":
                call.reset(.internalError)
            default:
                call.closeConnection()
            }
        }) { gateway, _ in
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 502)
        }
    }

    @Test func brokenStreamIsCutOff() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(answer: { call in calls.withLock { $0.append(call) } }) { gateway, _ in
            let connection = try await gateway.connect()
            try await connection.send("GET /texts/a:watch HTTP/1.1\r\nHost: x\r\n\r\n")
            let call = try await first(calls)
            call.start()
            call.send("one")
            _ = try await connection.receive(until: "}\r\n")
            call.reset(.internalError)
            let rest = try await connection.untilClosed()
            #expect(rest.isEmpty)
        }
    }

    @Test func retriesARefusedStreamOnce() async throws {
        let count = Atomic(0)
        try await withServer(answer: { call in
            if count.add(1, ordering: .relaxed).newValue == 1 { return call.reset(.refusedStream) }
            call.reply("again")
        }) { gateway, _ in
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 200 && answer.text == #"{"text":"again"}"#)
        }
        try await withServer(answer: { $0.reset(.refusedStream) }) { gateway, _ in
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 502)
        }
    }

    @Test func reconnectsAfterGoAway() async throws {
        try await withServer(answer: { call in
            call.start()
            call.goAway(last: 1)
            call.send("bye")
            call.end(0)
        }) { gateway, server in
            // The pending call is answered; the next call uses another connection.
            for count in 1...3 {
                let answer = try await gateway.get("/texts/a")
                #expect(answer.status == 200)
                #expect(server.acceptedCount == count)
            }
        }
    }

    @Test func callsWaitForAFreeStream() async throws {
        try await withServer(
            maximumStreams: 1,
            answer: { call in
                call.reply("a")
            }
        ) { gateway, server in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 { group.addTask { try await gateway.get("/texts/a").status } }
                for try await status in group { #expect(status == 200) }
            }
            #expect(server.acceptedCount <= 4)
        }
    }

    @Test func streamErrorEndsOnlyItsCall() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(answer: { call in
            guard call.message.contains(0x62) else { return calls.withLock { $0.append(call) } }
            // RFC 9113 §8.2.1: a stream error.
            call.start([("X-Bad", "1")])
        }) { gateway, server in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<3 { group.addTask { try await gateway.get("/texts/a").status } }
                var underWay: [TestGRPCServer.Call] = []
                for _ in 0..<3 { underWay.append(try await first(calls)) }
                for _ in 0..<3 {
                    let bad = try await gateway.get("/texts/b")
                    #expect(bad.status == 502)
                }
                for call in underWay {
                    call.reply("a")
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(server.acceptedCount == 1)
        }
    }

    @Test func reconnectsAfterAProtocolError() async throws {
        let count = Atomic(0)
        try await withServer(answer: { call in
            // DATA on stream 0 is a connection error.
            guard count.add(1, ordering: .relaxed).newValue > 1 else {
                return call.sendFrame([0, 0, 0, 0, 0, 0, 0, 0, 0])
            }
            call.reply("a")
        }) { gateway, server in
            let broken = try await gateway.get("/texts/a")
            #expect(broken.status == 502)
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 200 && server.acceptedCount == 2)
        }
    }

    @Test func acceptsLateFramesOfCancelledCalls() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(answer: { call in calls.withLock { $0.append(call) } }) { gateway, server in
            for count in 1...60 {
                let (connection, _) = try await begin(gateway, calls)
                await connection.close()
                try await eventually("the end of the call") { server.endedCount == count }
            }
            let (connection, call) = try await begin(gateway, calls)
            call.sendFrame([0, 0, 1, 0, 0, 0, 0, 0, 1, 0])
            call.reply("a")
            let answer = try await connection.response()
            #expect(answer.status == 200 && server.acceptedCount == 1)
            await connection.close()
        }
    }

    @Test func oversizedHeadIs431() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(answer: { call in calls.withLock { $0.append(call) } }) { gateway, server in
            let (connection, call) = try await begin(gateway, calls)
            let large = String(repeating: "~", count: 12_000)
            let refused = try await gateway.get("/texts/a", headers: "X-Large: \(large)\r\n")
            #expect(refused.status == 431)
            call.reply("a")
            let answer = try await connection.response()
            #expect(answer.status == 200 && server.acceptedCount == 1)
            await connection.close()
        }
    }

    @Test func clientDisconnectCancelsTheCall() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(answer: { call in calls.withLock { $0.append(call) } }) { gateway, server in
            let (connection, _) = try await begin(gateway, calls)
            await connection.close()
            try await eventually("the end of the call") { server.endedCount == 1 }
        }
    }

    @Test func totalTimeoutCancelsTheCall() async throws {
        try await withServer(configure: { $0.timeouts.total = .milliseconds(100) }, answer: { _ in }) {
            gateway, server in
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 504)
            try await eventually("the end of the call") { server.endedCount == 1 }
        }
    }

    @Test func reconnectsAfterSilence() async throws {
        let count = Atomic(0)
        let server = try await TestGRPCServer.start { call in
            guard count.add(1, ordering: .relaxed).newValue > 2 else { return }
            call.reply("a")
        }
        let descriptors = try TestGRPCServer.descriptors()
        defer { try? FileManager.default.removeItem(atPath: descriptors) }
        try await withGateway(configure: { configuration in
            configuration.upstreams = [.init(name: "texts", endpoints: [server.endpoint])]
            var route = GatewayConfiguration.RouteRule(
                .prefix("/texts"),
                action: .grpc(.init(upstream: "texts", descriptors: descriptors, services: ["test.Texts"])))
            route.timeouts.total = .milliseconds(500)
            configuration.routes = [route]
            configuration.timeouts.connect = .milliseconds(200)
        }) { gateway in
            // The settings arrive during the first call. During the second, nothing arrives.
            for _ in 0..<2 {
                let answer = try await gateway.get("/texts/a")
                #expect(answer.status == 504)
            }
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 200)
            #expect(server.acceptedCount == 2)
        }
        await server.stop()
    }

    @Test func routeLimitsBodies() async throws {
        try await withServer(configure: { $0.maximumRequestBody = 5 }, answer: { $0.refuse(0) }) { gateway, _ in
            let long = try await gateway.exchange(
                "GET /texts/a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n{\"a\":1")
            #expect(long.status == 413)
            let chunked = try await gateway.exchange(
                "GET /texts/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"a\":1\r\n")
            #expect(chunked.status == 413)
        }
    }

    @Test func triesAnotherEndpoint() async throws {
        // The first endpoint has no listener.
        let nobody = try await TestGRPCServer.start { _ in }
        let endpoint = nobody.endpoint
        await nobody.stop()
        try await withServer(
            others: [endpoint],
            answer: { call in
                call.reply("a")
            }
        ) { gateway, _ in
            for _ in 0..<4 {
                let answer = try await gateway.get("/texts/a")
                #expect(answer.status == 200)
            }
        }
    }

    @Test func skipsAndRemembersAnUnresponsiveEndpoint() async throws {
        let full = try FullListener()
        defer { full.end() }
        let server = try await TestGRPCServer.start { call in
            call.reply("a")
        }
        let descriptors = try TestGRPCServer.descriptors()
        defer { try? FileManager.default.removeItem(atPath: descriptors) }
        try await withGateway(configure: { configuration in
            let endpoints = [.tcp(host: "127.0.0.1", port: full.port), server.endpoint]
            configuration.upstreams = [.init(name: "texts", endpoints: endpoints)]
            configuration.upstreams[0].breaker?.failures = 1
            var route = GatewayConfiguration.RouteRule(
                .prefix("/texts"),
                action: .grpc(.init(upstream: "texts", descriptors: descriptors, services: ["test.Texts"])))
            route.timeouts.connect = .milliseconds(200)
            configuration.routes = [route]
        }) { gateway in
            for _ in 0..<4 {
                let answer = try await gateway.get("/texts/a")
                #expect(answer.status == 200)
            }
            let state = String(decoding: gateway.gateway.state.bytes, as: UTF8.self)
            #expect(state.contains(#""breaker":"open""#))
        }
        await server.stop()
    }

    @Test func retriesUnavailableWhereConfigured() async throws {
        let count = Atomic(0)
        try await withServer(
            configure: { route in
                var retries = GatewayConfiguration.Retries()
                retries.backoff = .milliseconds(1)
                route.retries = retries
            },
            answer: { call in
                if count.add(1, ordering: .relaxed).newValue == 1 { return call.refuse(14) }
                call.reply("a")
            }
        ) { gateway, _ in
            let answer = try await gateway.get("/texts/a")
            #expect(answer.status == 200 && count.load(ordering: .relaxed) == 2)
        }
    }

    @Test func routeLimitsApplyToCalls() async throws {
        let calls = Mutex<[TestGRPCServer.Call]>([])
        try await withServer(
            configure: { $0.concurrency = .init(limit: 1) },
            answer: { call in calls.withLock { $0.append(call) } }
        ) { gateway, _ in
            let (connection, call) = try await begin(gateway, calls)
            let turnedAway = try await gateway.get("/texts/a")
            #expect(turnedAway.status == 503)
            call.reply("a")
            let answer = try await connection.response()
            #expect(answer.status == 200)
            // The limit has room again.
            try await connection.send("GET /texts/a HTTP/1.1\r\nHost: x\r\n\r\n")
            let next = try await first(calls)
            next.refuse(0)
            await connection.close()
        }
    }

    @Test func unmatchedPathsAndMethodsAreRefused() async throws {
        try await withServer(answer: { $0.refuse(0) }) { gateway, _ in
            let unknown = try await gateway.get("/texts")
            #expect(unknown.status == 404)
            let other = try await gateway.exchange("PUT /texts/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            #expect(other.status == 405 && other["allow"] == "GET")
            let query = try await gateway.get("/texts/a?nope=1")
            #expect(query.status == 400 && query.text.contains(#""loc":["query","nope"]"#))
        }
    }

    // MARK: Waiting

    /// Starts a call that reaches the server.
    private func begin(
        _ gateway: GatewayFixture, _ calls: borrowing Mutex<[TestGRPCServer.Call]>
    ) async throws -> (TestConnection, TestGRPCServer.Call) {
        let connection = try await gateway.connect()
        try await connection.send("GET /texts/a HTTP/1.1\r\nHost: x\r\n\r\n")
        return (connection, try await first(calls))
    }

    private func first(_ calls: borrowing Mutex<[TestGRPCServer.Call]>) async throws -> TestGRPCServer.Call {
        try await eventually("a call") { calls.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }
}

/// Tests without sockets.
@Suite struct GRPCProtocolTests {
    @Test func readsMessagesInAnyPieces() throws {
        let bytes =
            GRPCMessageReader.frame([1, 2, 3]).readableBytesView + GRPCMessageReader.frame([]).readableBytesView
            + GRPCMessageReader.frame([4]).readableBytesView
        for size in 1...bytes.count {
            var reader = GRPCMessageReader(limit: 3)
            var messages: [[UInt8]] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                reader.append(ByteBuffer(bytes: Array(bytes)[start..<min(start + size, bytes.count)]))
                while let message = try reader.next() { messages.append(Array(message.readableBytesView)) }
            }
            #expect(messages == [[1, 2, 3], [], [4]])
            #expect(!reader.isWithinMessage)
        }
    }

    @Test func limitsMessages() {
        var reader = GRPCMessageReader(limit: 3)
        reader.append(ByteBuffer(bytes: [0, 0, 0, 0, 4]))
        #expect(throws: GRPCMessageReader.Failure.tooLong) { try reader.next() }
        var compressed = GRPCMessageReader(limit: 3)
        compressed.append(ByteBuffer(bytes: [1]))
        #expect(throws: GRPCMessageReader.Failure.compressed) { try compressed.next() }
    }

    private static let head = HPACKHeaders([(":status", "200"), ("content-type", "application/grpc+proto")])

    @Test func readsMetadataMessagesAndStatus() {
        var machine = GRPCResponseStateMachine(maximumMessage: 10)
        let interim = machine.headersReceived(HPACKHeaders([(":status", "103")]), isEnd: false)
        #expect(interim == .none)
        let started = machine.headersReceived(Self.head, isEnd: false)
        #expect(started == .started(Self.head))
        let data = machine.dataReceived(GRPCMessageReader.frame([7]), isEnd: false)
        #expect(data == .none)
        let message = try? machine.nextMessage()
        #expect(message == ByteBuffer(bytes: [7]))
        let trailers = HPACKHeaders([("grpc-status", "5"), ("grpc-message", "a%20b")])
        let ended = machine.headersReceived(trailers, isEnd: true)
        #expect(ended == .ended(GRPCStatus(code: 5, message: "a b"), trailers))
        #expect(machine.hasEnded)
        let late = machine.dataReceived(ByteBuffer(bytes: [1]), isEnd: true)
        #expect(late == .none)
    }

    @Test func readsATrailersOnlyResponse() {
        var machine = GRPCResponseStateMachine(maximumMessage: 10)
        var headers = Self.head
        headers.add(name: "grpc-status", value: "99")
        let ended = machine.headersReceived(headers, isEnd: true)
        #expect(ended == .ended(GRPCStatus(code: 2), headers))
    }

    @Test func rejectsNonGRPCResponses() {
        let bad: [(HPACKHeaders, Bool)] = [
            (HPACKHeaders([(":status", "200"), ("content-type", "text/html")]), false), (Self.head, true),
            (HPACKHeaders([(":status", "503"), ("content-type", "application/grpc")]), false), (HPACKHeaders(), false),
        ]
        for (headers, isEnd) in bad {
            var machine = GRPCResponseStateMachine(maximumMessage: 10)
            let event = machine.headersReceived(headers, isEnd: isEnd)
            #expect(event == .invalid)
        }
        var machine = GRPCResponseStateMachine(maximumMessage: 10)
        let data = machine.dataReceived(ByteBuffer(bytes: [0]), isEnd: false)
        #expect(data == .invalid)
    }

    @Test func timeoutsHaveAtMostEightDigits() {
        #expect(GRPCMetadata.timeout(.milliseconds(1500)) == "1500m")
        #expect(GRPCMetadata.timeout(.nanoseconds(-5)) == "1m")
        #expect(GRPCMetadata.timeout(.hours(24 * 366)) == "31622400S")
        #expect(GRPCMetadata.timeout(.nanoseconds(.max)) == "99999999S")
    }
}

import MartletCore
import MartletTesting
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server on which a test writes responses by hand, or as a function of the request.
final class TestUpstream: Sendable {
    private struct State {
        var connections: [TestConnection] = []
        var accepted = 0
        var waiters: [CheckedContinuation<TestConnection, any Error>] = []
    }

    private let state: Mutex<State>
    private let channel: any Channel
    let endpoint: Endpoint

    private init(_ channel: any Channel, _ endpoint: Endpoint, _ state: consuming sending State) {
        self.channel = channel
        self.endpoint = endpoint
        self.state = Mutex(state)
    }

    /// - Parameters:
    ///   - unixPath: the Unix socket to listen on instead of a port.
    ///   - tls: the TLS configuration; nil for plain text.
    ///   - answer: returns the response to each request. Without it, ``accept()`` returns the connections.
    static func start(
        unixPath: String? = nil, tls: NIOSSLContext? = nil, answer: (@Sendable (TestMessage) -> String)? = nil
    ) async throws -> TestUpstream {
        let holder = Shared<TestUpstream?>(nil)
        let bootstrap = ServerBootstrap(group: peerLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // A fixed size, so that a test can tell how much the gateway buffers.
            .childChannelOption(.socketOption(.so_rcvbuf), value: 256 * 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let connection = try TestConnection.adopt(channel)
                    holder.value?.add(connection, answer)
                }
            }
        let upstream: TestUpstream
        if let unixPath {
            let channel = try await bootstrap.bind(unixDomainSocketPath: unixPath, cleanupExistingSocketFile: true)
                .get()
            upstream = TestUpstream(channel, .unix(path: unixPath), State())
        } else {
            let channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            upstream = TestUpstream(channel, .tcp(host: "127.0.0.1", port: channel.localAddress?.port ?? 0), State())
        }
        holder.set(upstream)
        return upstream
    }

    private func add(_ connection: TestConnection, _ answer: (@Sendable (TestMessage) -> String)?) {
        let waiter = state.withLock { state -> CheckedContinuation<TestConnection, any Error>? in
            state.accepted += 1
            guard answer == nil else { return nil }
            if state.waiters.isEmpty {
                state.connections.append(connection)
                return nil
            }
            return state.waiters.removeFirst()
        }
        waiter?.resume(returning: connection)
        if let answer {
            connection.channel.eventLoop.makeFutureWithTask {
                while let request = try? await connection.request() {
                    try await connection.send(answer(request))
                }
                await connection.close()
            }.whenComplete { _ in }
        }
    }

    /// The number of accepted connections.
    var acceptedCount: Int { state.withLock { $0.accepted } }

    /// Returns the next connection in order. Waits at most 30 s.
    func accept() async throws -> TestConnection {
        try await withCheckedThrowingContinuation { continuation in
            let connection = state.withLock { state -> TestConnection? in
                if !state.connections.isEmpty { return state.connections.removeFirst() }
                state.waiters.append(continuation)
                return nil
            }
            if let connection { return continuation.resume(returning: connection) }
            channel.eventLoop.scheduleTask(in: .seconds(30)) {
                let waiter = self.state.withLock { $0.waiters.isEmpty ? nil : $0.waiters.removeFirst() }
                waiter?.resume(throwing: TestConnection.Failure(description: "nobody connects"))
            }
        }
    }

    func stop() async { try? await channel.close() }

    static let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

    /// A small 200 response.
    static func ok(_ body: String = "hello", headers: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
    }
}

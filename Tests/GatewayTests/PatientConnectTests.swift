import Foundation
import MartletCore
import MartletSystem
import MartletTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Gateway

/// Unix sockets with a full queue refuse at once but accept a moment later.
@Suite struct PatientConnectTests {
    private func attempt(
        _ error: CInt, within timeout: TimeAmount, until enough: Int
    ) async throws -> (result: Result<any Channel, any Error>, attempts: Int) {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let asked = Shared(0)
        let channel = try await DatagramBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
        let future = PatientConnect.connect(on: loop, within: timeout) {
            asked.next() < enough
                ? loop.makeFailedFuture(IOError(errnoCode: error, reason: "connect"))
                : loop.makeSucceededFuture(channel)
        }
        let result: Result<any Channel, any Error>
        do { result = .success(try await future.get()) } catch { result = .failure(error) }
        try await channel.close()
        return (result, asked.value)
    }

    @Test func retriesWhileTheQueueIsFull() async throws {
        let (result, attempts) = try await attempt(EAGAIN, within: .seconds(20), until: 6)
        #expect(attempts == 6)
        #expect(throws: Never.self) { try result.get() }
    }

    @Test func givesUpInTimeAndOnOtherErrors() async throws {
        let (full, attempts) = try await attempt(EAGAIN, within: .milliseconds(100), until: .max)
        #expect(attempts > 2 && attempts < 20)
        #expect(throws: IOError.self) { try full.get() }
        let (refused, once) = try await attempt(ECONNREFUSED, within: .seconds(20), until: .max)
        #expect(once == 1)
        #expect(throws: IOError.self) { try refused.get() }
    }

    @Test func requestWaitsForASlotInTheServicesQueue() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: uniqueName("queue") + ".sock").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let listener = try FullUnixListener(path)
        defer { listener.end() }
        try await withGateway(endpoint: .unix(path: path)) { gateway in
            let client = try await gateway.connect()
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            // The gateway finds the queue full for a while.
            try await letTimePass(.milliseconds(100), because: "nothing is to be answered")
            #expect(client.receivedCount == 0)
            let serving = Task.detached { listener.serve() }
            let answer = try await client.response()
            #expect(answer.status == 200)
            listener.end()
            await serving.value
            await client.close()
        }
    }
}

/// A Unix listener whose queue stays full until ``serve()`` is called.
private final class FullUnixListener: Sendable {
    private let descriptor: CInt
    private let fillers: [CInt]
    private let hasEnded = Atomic(false)

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8.prefix(MemoryLayout.size(ofValue: address.sun_path) - 1))
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        func with(_ body: (UnsafePointer<sockaddr>) -> CInt) -> CInt {
            withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
        }
        let server = descriptor
        guard with({ bind(server, $0, length) }) == 0, listen(server, 0) == 0 else {
            throw TestConnection.Failure(description: "cannot listen at \(path)")
        }
        var fillers: [CInt] = []
        for _ in 0..<16 {
            let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            fillers.append(client)
            if with({ connect(client, $0, length) }) != 0 { break }
        }
        self.fillers = fillers
    }

    /// Accepts all connections and responds to their first bytes.
    func serve() {
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".utf8)
        for filler in fillers { _ = close(filler) }
        while !hasEnded.load(ordering: .relaxed) {
            let client = accept(descriptor, nil, nil)
            guard client >= 0 else { return }
            var patience = timeval(tv_sec: 1, tv_usec: 0)
            setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            var buffer = [UInt8](repeating: 0, count: 4096)
            if recv(client, &buffer, buffer.count, 0) > 0 { _ = send(client, answer, answer.count, 0) }
            _ = close(client)
        }
    }

    func end() {
        guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
        _ = close(descriptor)
    }
}

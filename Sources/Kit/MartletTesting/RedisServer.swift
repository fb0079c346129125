import MartletSystem
import NIOCore
import NIOPosix
import Synchronization

/// A redis-server for one test, which may be killed, frozen and restarted without affecting other tests.
public final class RedisServer: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// The URL of the server that `script/test` starts for all tests.
    /// - Throws: ``Failure`` when it is not set: tests are never skipped.
    public static var sharedURL: String {
        get throws {
            guard let url = getenv("MARTLET_TEST_REDIS_URL") else {
                throw Failure(description: "MARTLET_TEST_REDIS_URL is not set; run script/test, which starts a Redis")
            }
            return String(cString: url)
        }
    }

    public let port: Int
    private let arguments: [String]
    private let processID = Mutex<pid_t?>(nil)

    public var url: String { "redis://127.0.0.1:\(port)" }

    private init(port: Int, arguments: [String]) {
        self.port = port
        self.arguments = arguments
    }

    /// Runs `body` with a server on a free port, and stops the server afterwards.
    /// - Parameter arguments: further arguments of redis-server, such as `--requirepass`.
    public static func with<Value>(
        _ arguments: [String] = [], _ body: (RedisServer) async throws -> Value
    ) async throws -> Value {
        let server = RedisServer(port: try FreePort.choose(), arguments: arguments)
        do {
            try await server.start()
            let value = try await body(server)
            server.kill()
            return value
        } catch {
            server.kill()
            throw error
        }
    }

    /// Starts the server, on the same port as before, and waits until it accepts connections.
    public func start() async throws {
        let words =
            ["redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"] + arguments
        let id = try Program.spawn(words)
        processID.withLock { $0 = id }
        try await eventually("a connection to redis-server") {
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: port).get()
            try await channel.close()
            return true
        }
    }

    /// Kills the process, as in a crash.
    public func kill() {
        processID.withLock { id in
            guard let known = id else { return }
            id = nil
            _ = signal(SIGKILL, known)
            _ = Program.wait(for: known)
        }
    }

    /// Suspends the process. Its connections stay open.
    public func freeze() { processID.withLock { id in if let id { _ = signal(SIGSTOP, id) } } }

    public func thaw() { processID.withLock { id in if let id { _ = signal(SIGCONT, id) } } }

    private func signal(_ number: Int32, _ id: pid_t) -> Int32 {
        MartletSystem.kill(id, number)
    }
}

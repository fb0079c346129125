import Foundation
import MartletTesting
import Testing

/// A platform from its first start to its shutdown.
@Suite(.inTurn) struct LifecycleTests {
    private func serve(_ folder: String, port: Int, _ more: String...) throws -> ChildProcess {
        try ChildProcess(
            TestEnvironment.binary(), ["serve", "--port", "\(port)", "--data-dir", "\(folder)/data"] + more,
            folder: TemporaryFolder.make("serve"))
    }

    private func ready(_ process: ChildProcess, port: Int) async throws {
        try await eventually("the start") {
            if let ending = process.ending { throw Command.Failed(description: "\(ending): \(process.standardError)") }
            return try await API(port: port).get("/health/ready", ["Connection": "close"]).status == 200
        }
    }

    @Test func showsTheGeneratedPasswordOnce() async throws {
        let folder = try TemporaryFolder.make("first")
        let port = try FreePort.choose()
        let first = try serve(folder, port: port, "--admin-email", "boss@example.com")
        try await ready(first, port: port)
        let greeting = try await eventually("the greeting") {
            first.standardOutput.contains("127.0.0.1:\(port)") ? first.standardOutput : nil
        }
        let match = try #require(greeting.firstMatch(of: /boss@example\.com, with the password (\S+)/))
        let password = String(match.1)
        #expect(password.count >= 16)
        _ = try await People.signIn("boss@example.com", password: password, API(port: port))
        #expect(!first.standardError.contains(password), "the log omits the password")
        #expect(first.standardOutput.split(separator: "\n").contains { $0.contains("http://127.0.0.1:\(port)") })
        try await first.stop()
        #expect(first.ending == .exited(0))

        let second = try serve(folder, port: port, "--admin-email", "boss@example.com")
        try await ready(second, port: port)
        try await eventually("the greeting") { second.standardOutput.contains("\(port)") }
        #expect(!second.standardOutput.contains("password"), "\(second.standardOutput)")
        _ = try await People.signIn("boss@example.com", password: password, API(port: port))
        try await second.stop()
    }

    @Test(arguments: Deployment.allCases)
    func keepsItsSecretsToItself(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for part in platform.partNames {
            let data = try #require(platform.dataFolder(part))
            #expect(try mode(data) == 0o700, "\(data)")
            for path in try FileManager.default.subpathsOfDirectory(atPath: data) {
                var isFolder: ObjCBool = false
                let whole = "\(data)/\(path)"
                guard FileManager.default.fileExists(atPath: whole, isDirectory: &isFolder), !path.hasSuffix(".sock")
                else {
                    continue
                }
                if isFolder.boolValue {
                    #expect(try mode(whole) == 0o700, "\(whole)")
                } else if path.contains("keys/") {
                    #expect(try mode(whole) == 0o600, "\(whole)")
                }
            }
            let keys = (try? FileManager.default.contentsOfDirectory(atPath: "\(data)/keys")) ?? []
            #expect(keys.isEmpty == (part != platform.part(of: "accounts")), "\(part): \(keys)")
        }
    }

    private func mode(_ path: String) throws -> Int {
        let value = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        return try #require(value).intValue & 0o777
    }

    @Test func shutsDownGracefully() async throws {
        let folder = try TemporaryFolder.make("drain")
        let port = try FreePort.choose()
        let process = try serve(folder, port: port)
        try await ready(process, port: port)
        // A request whose body is still being sent when the signal arrives.
        let connection = try await RawConnection.open(port: port)
        try await connection.write(
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
        _ = try await API(port: port).get("/api/products")
        process.send(signal: SIGTERM)
        try await eventually("the end of accepting", within: .seconds(5)) {
            // There is no response, or no listener.
            let late = try? await RawSocket.exchange(
                port: port, "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", answers: 1, within: .milliseconds(200))
            return late?.responses.isEmpty ?? true
        }
        try await connection.write("}")
        let answer = try await connection.read(answers: 1)
        #expect(answer.statuses == [422])
        #expect(try await process.ended(within: .seconds(10)) == .exited(0))
        #expect(!process.standardError.contains("\"level\":\"error\""), "\(process.standardError)")
        try await connection.close()
    }

    @Test func shutsDownOnInterrupt() async throws {
        let folder = try TemporaryFolder.make("interrupt")
        let port = try FreePort.choose()
        let process = try serve(folder, port: port)
        try await ready(process, port: port)
        process.send(signal: SIGINT)
        #expect(try await process.ended(within: .seconds(10)) == .exited(0))
        let again = try serve(folder, port: port)
        try await ready(again, port: port)
        try await again.stop()
    }

    /// The sockets and the lock left by a crash do not prevent the next start.
    @Test func startsAfterACrash() async throws {
        let folder = try TemporaryFolder.make("crash")
        let port = try FreePort.choose()
        let first = try serve(folder, port: port)
        try await ready(first, port: port)
        first.send(signal: SIGKILL)
        _ = try await first.ended()
        let second = try serve(folder, port: port)
        try await ready(second, port: port)
        try await second.stop()
    }
}

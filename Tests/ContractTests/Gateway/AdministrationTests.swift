import Foundation
import MartletCore
import MartletTesting
import Testing

/// The administration of a manually configured gateway.
@Suite(.inTurn) struct AdministrationTests {
    private struct Gateway {
        let process: ChildProcess
        let admin: API
    }

    private func withGateway(file: String, token: String, _ body: (Gateway) async throws -> Void) async throws {
        let folder = try TemporaryFolder.make("admin")
        try FileManager.default.createDirectory(atPath: "\(folder)/data", withIntermediateDirectories: false)
        try Data(token.utf8).write(to: URL(filePath: "\(folder)/data/admin.token"))
        try Data(file.utf8).write(to: URL(filePath: "\(folder)/gateway.yaml"))
        let (port, adminPort) = (try FreePort.choose(), try FreePort.choose())
        let process = try ChildProcess(
            TestEnvironment.binary(),
            [
                "serve", "--only", "gateway", "--port", "\(port)", "--admin-listen", "\(adminPort)", "--data-dir",
                "\(folder)/data", "--gateway-file", "\(folder)/gateway.yaml",
            ], folder: folder)
        let token = token.filter { !$0.isWhitespace }
        let gateway = Gateway(process: process, admin: API(port: adminPort, token: token))
        do {
            try await eventually("the start") {
                if let ending = process.ending {
                    throw Command.Failed(description: "\(ending): \(process.standardError)")
                }
                return try await API(port: port).get("/health/live").status == 200
            }
            try await body(gateway)
        } catch {
            process.send(signal: SIGKILL)
            throw error
        }
        try await process.stop()
    }

    /// `openssl rand -hex 32 > admin.token` writes a newline.
    @Test func ignoresANewlineAfterTheToken() async throws {
        let token = String(repeating: "0123456789abcdef", count: 4)
        for text in [token, token + "\n", token + "\r\n", " \(token) \n"] {
            try await withGateway(file: "routes: [{path: /a, respond: {}}]", token: text) { (gateway) async throws in
                #expect(try await gateway.admin.get("/state").status == 200)
                #expect(try await gateway.admin.with(String(repeating: "0", count: 64)).get("/state").status == 401)
            }
        }
    }

    @Test func drainsAnEndpointByItsURL() async throws {
        let file = """
            upstreams:
              secure: {endpoints: ["https://127.0.0.1:1"]}
              plain: {endpoints: ["http://127.0.0.1:1"]}
              local: {endpoints: ["unix:/nowhere.sock"]}
            """
        try await withGateway(file: file, token: String(repeating: "ab", count: 32)) { (gateway) async throws in
            let upstreams = try await gateway.admin.get("/state").json()["upstreams"]?.arrayValue ?? []
            #expect(upstreams.count == 3)
            for upstream in upstreams {
                let (name, endpoints) = (upstream["name"] ?? .null, upstream["endpoints"]?.arrayValue ?? [])
                let url = endpoints.first?["url"] ?? .null
                let drained = try await gateway.admin.post("/endpoints/drain", ["upstream": name, "url": url])
                #expect(drained.status == 200, "\(url): \(drained.text)")
            }
            #expect(try await gateway.admin.get("/state").text.split(separator: "\"is_drained\":true").count == 4)
            let wrong = try await gateway.admin.post(
                "/endpoints/drain", ["upstream": "secure", "url": "https://127.0.0.1"])
            #expect(wrong.status == 422 && wrong.errors.map(\.summary) == ["body.url invalid_url"])
        }
    }
}

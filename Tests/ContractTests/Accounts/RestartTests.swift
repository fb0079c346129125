import Foundation
import MartletCore
import MartletTesting
import Testing

/// An ended session stays ended after a restart: in Accounts, in the other services and at the gateway.
@Suite(.inTurn) struct RestartTests {
    private struct Platform {
        let port: Int
        let folder: String
        let variables: [String: String]
        let process: ChildProcess

        var api: API { API(port: port) }

        static func start(_ port: Int, _ folder: String, _ variables: [String: String]) async throws -> Platform {
            let process = try ChildProcess(
                TestEnvironment.binary(),
                [
                    "serve", "--port", "\(port)", "--data-dir", "\(folder)/data", "--gateway-file",
                    "\(folder)/gateway.yaml",
                ],
                variables: variables, folder: TemporaryFolder.make("serve"))
            let platform = Platform(port: port, folder: folder, variables: variables, process: process)
            try await eventually("the start") {
                if let ending = process.ending {
                    throw Command.Failed(description: "\(ending): \(process.standardError)")
                }
                return try await platform.api.get("/health/ready", ["Connection": "close"]).status == 200
            }
            return platform
        }

        func restarted() async throws -> Platform {
            try await process.stop()
            return try await Self.start(port, folder, variables)
        }
    }

    private func start(_ deployment: Deployment) async throws -> Platform {
        let folder = try TemporaryFolder.make("restart")
        let port = try FreePort.choose()
        // A route of the gateway to a public page, protected by a token.
        let file = """
            upstreams:
              itself: {endpoints: ["http://127.0.0.1:\(port)"]}
            routes:
              - prefix: /guarded
                upstream: itself
                rewrite: {strip_prefix: /guarded}
                authentication:
                  jwt: {issuer: martlet, audience: martlet, jwks: "http://127.0.0.1:\(port)/.well-known/jwks.json"}
            """
        try Data(file.utf8).write(to: URL(filePath: folder + "/gateway.yaml"))
        var variables = [
            "MARTLET_ADMIN_EMAIL": RunningPlatform.administrator.email,
            "MARTLET_ADMIN_PASSWORD": RunningPlatform.administrator.password,
        ]
        if deployment.usesPostgres { variables["DATABASE_URL"] = try await PostgresServer.makeDatabase() }
        return try await Platform.start(port, folder, variables)
    }

    @Test(arguments: [Deployment.oneProcessOnSQLite, .oneProcessOnPostgres])
    func endedSessionsStayEndedAcrossARestart(_ deployment: Deployment) async throws {
        var platform = try await start(deployment)
        let root = try await People.signIn(
            RunningPlatform.administrator.email, password: RunningPlatform.administrator.password, platform.api)
        func person(_ name: String) async throws -> Person {
            let answer = try await platform.api.with(root.token).post(
                "/api/users",
                [
                    "email": .string("\(name)@example.com"), "username": .string("some-\(name)"),
                    "password": .string(People.password), "is_staff": true,
                    "permissions": ["catalog.add_product", "accounts.view_user"],
                ])
            guard answer.status == 201 else { throw Unexpected(answer) }
            return try await People.signIn("\(name)@example.com", password: People.password, platform.api)
        }
        /// The responses of Accounts, of Catalog and of the gateway.
        func answers(_ person: Person) async throws -> [Response] {
            let api = platform.api.with(person.token)
            return [
                try await api.get("/api/users"),
                try await api.post("/api/products", ["name": .string(uniqueName("product")), "price": 1]),
                try await api.get("/guarded/health/live"),
            ]
        }
        let names = ["out", "inactive", "demoted", "deleted", "password", "stays"]
        var people: [String: Person] = [:]
        for name in names {
            people[name] = try await person(name)
            #expect(try await answers(#require(people[name])).map(\.status) == [200, 201, 200])
        }
        let ended = try names.dropLast().map { try #require(people[$0]) }
        let admin = platform.api.with(root.token)
        #expect(
            try await platform.api.post("/api/auth/logout", ["refresh_token": .string(ended[0].refreshToken)]).status
                == 204)
        #expect(try await admin.patch("/api/users/\(ended[1].id)", ["is_active": false]).status == 200)
        #expect(try await admin.patch("/api/users/\(ended[2].id)", ["permissions": []]).status == 200)
        #expect(try await admin.delete("/api/users/\(ended[3].id)").status == 204)
        #expect(
            try await admin.patch("/api/users/\(ended[4].id)", ["password": "Marble-trombone-58-hazel"]).status == 200)

        platform = try await platform.restarted()
        for person in ended {
            for answer in try await answers(person) { expectProblem(answer, 401, code: "session_ended") }
        }
        #expect(try await answers(#require(people["stays"])).map(\.status) == [200, 201, 200])
        try await platform.process.stop()
    }
}

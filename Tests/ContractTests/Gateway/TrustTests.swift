import MartletCore
import Testing

/// Header fields that proxies set for services are ignored when a client sends them.
@Suite(.inTurn) struct TrustTests {
    @Test(arguments: Deployment.allCases)
    func seesTheClientsRealAddress(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        for headers in [
            ["X-Forwarded-For": "203.0.113.7"], ["Forwarded": "for=203.0.113.7;proto=https"],
            ["X-Real-IP": "203.0.113.7"],
            ["X_Forwarded_For": "203.0.113.7"],
            ["X-Forwarded-For": "203.0.113.7, 127.0.0.1", "Connection": "X-Forwarded-For"],
        ] {
            let answer = try await platform.api.post(
                "/api/auth/login", ["email": .string(person.email), "password": .string(person.password)], headers)
            if answer.status == 400, headers["Connection"] != nil { continue }
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try answer.json()["user"]?["last_login_ip"] == "127.0.0.1", "\(headers)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func doesNotTakePlainHTTPForHTTPS(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let answer = try await platform.api.post(
            "/api/auth/login", ["email": .string(person.email), "password": .string(person.password)],
            ["X-Forwarded-Proto": "https", "Forwarded": "proto=https"])
        #expect(try #require(answer.header("Set-Cookie")).contains("Secure") == false)
    }

    @Test(arguments: Deployment.allCases)
    func doesNotLetClientsSayWhoTheyAre(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let claims = [
            "X-User-Id": "1", "X-User": "admin", "X-Forwarded-User": "admin", "X-Authenticated-User": "admin",
            "X-Permissions": "catalog.add_product", "X-Is-Superuser": "true", "X_User_Id": "1", "Remote-User": "admin",
        ]
        expectProblem(try await platform.api.get("/api/auth/me", claims), 401)
        expectProblem(try await platform.api.post(Products.path, ["name": "x", "price": 1], claims), 401)
        let nobody = try await platform.api()
        expectProblem(try await nobody.post(Products.path, ["name": "x", "price": 1], claims), 403)
    }

    @Test(arguments: Deployment.allCases)
    func doesNotLetClientsOverrideTheMethodOrThePath(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let product = try await Products.asAdministrator(platform).addedPath()
        let api = try await platform.administratorAPI()
        let answer = try await api.get(
            product,
            [
                "X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE", "X-Original-URL": "/api/users",
                "X-Rewrite-URL": "/api/users",
            ])
        #expect(answer.status == 200)
        #expect(try answer.json()["name"] != nil)
        #expect(try await api.get(product).status == 200)
    }
}

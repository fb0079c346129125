import @Name@
import MartletCore
import MartletTesting
import Testing

@Suite struct @Name@Tests {
    @Test(arguments: TestStore.allCases)
    func storesChanges(store: TestStore) async throws {
        try await RunningService.run(@Name@Service.self, on: store) { service in
            let token = try await service.issuer.token(isSuperuser: true)
            let created = try await service.send("POST", "/api/@table@", #"{"name":"First"}"#, token: token)
            #expect(created.status == 201)
            let path = try #require(created.headers["location"])
            let changed = try await service.send("PATCH", path, #"{"notes":"Checked"}"#, token: token)
            #expect(changed.json["name"] == "First" && changed.json["notes"] == "Checked")
            let list = try await service.send("GET", "/api/@table@?search=first", token: token)
            #expect(list.json["total"] == 1)
            #expect(try await service.send("DELETE", path, token: token).status == 204)
            #expect(try await service.send("GET", path, token: token).status == 404)
        }
    }

    @Test func rejectsWritesWithoutPermission() async throws {
        try await RunningService.run(@Name@Service.self, on: .sqlite) { service in
            let token = try await service.issuer.token()
            #expect(try await service.send("POST", "/api/@table@", #"{"name":"First"}"#).status == 401)
            #expect(try await service.send("POST", "/api/@table@", #"{"name":"First"}"#, token: token).status == 403)
        }
    }

    @Test func reportsEveryInvalidField() async throws {
        try await RunningService.run(@Name@Service.self, on: .sqlite) { service in
            let token = try await service.issuer.token(permissions: ["@name@.add_@record@"])
            let answer = try await service.send("POST", "/api/@table@", #"{"notes":7}"#, token: token)
            #expect(answer.fieldErrors == ["body.name required", "body.notes not_a_string"])
        }
    }
}

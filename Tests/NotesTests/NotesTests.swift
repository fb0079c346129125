import MartletCore
import MartletTesting
import Notes
import Testing

/// The guide's example works as described.
@Suite struct NotesTests {
    @Test(arguments: TestStore.allCases)
    func everybodyHasTheirOwnNotes(store: TestStore) async throws {
        try await RunningService.run(NotesService.self, on: store) { service in
            let ann = try await service.issuer.token(user: 1)
            let bob = try await service.issuer.token(user: 2)
            let made = try await service.send("POST", "/api/notes", #"{"title":"Buy tea"}"#, token: ann)
            #expect(made.status == 201)
            let path = try #require(made.headers["location"])

            #expect(try await service.send("GET", path, token: ann).status == 200)
            #expect(try await service.send("GET", path, token: bob).status == 404)
            #expect(try await service.send("PATCH", path, #"{"is_done":true}"#, token: bob).status == 404)
            #expect(try await service.send("DELETE", path, token: bob).status == 404)
            #expect(try await service.send("GET", path).status == 401)

            let done = try await service.send("PATCH", path, #"{"is_done":true}"#, token: ann)
            #expect(done.json["is_done"] == true && done.json["title"] == "Buy tea")
            let seen = try #require(made.headers["etag"])
            for method in ["PATCH", "DELETE"] {
                let stale = try await service.send(
                    method, path, #"{"is_done":false}"#, token: ann, headers: ["if-match": seen])
                #expect(stale.status == 412, "\(method)")
            }
            let list = try await service.send("GET", "/api/notes?is_done=true&search=TEA", token: ann)
            #expect(list.json["total"] == 1)
            #expect(try await service.send("GET", "/api/notes", token: bob).json["total"] == 0)
            #expect(try await service.send("DELETE", path, token: ann).status == 204)
        }
    }

    @Test(arguments: TestStore.allCases)
    func versionsDoNotGoBackWhenTheClockDoes(store: TestStore) async throws {
        let clock = TestClock()
        try await RunningService.run(NotesService.self, on: store, clock: clock.wallClock) { service in
            let token = try await service.issuer.token()
            let made = try await service.send("POST", "/api/notes", #"{"title":"Buy tea"}"#, token: token)
            let path = try #require(made.headers["location"])
            clock.advance(bySeconds: -30)
            let changed = try await service.send("PATCH", path, #"{"is_done":true}"#, token: token)
            let before = try #require(made.json["updated_at"]?.stringValue)
            let after = try #require(changed.json["updated_at"]?.stringValue)
            #expect(after > before)
        }
    }

    @Test func aRepeatedRequestWritesOneNote() async throws {
        try await RunningService.run(NotesService.self, on: .sqlite) { service in
            let token = try await service.issuer.token()
            for _ in 1...2 {
                let made = try await service.send(
                    "POST", "/api/notes", #"{"title":"Buy tea"}"#, token: token, headers: ["idempotency-key": "n1"])
                #expect(made.status == 201)
            }
            #expect(try await service.send("GET", "/api/notes", token: token).json["total"] == 1)
        }
    }

    @Test func invalidInputReportsTheField() async throws {
        try await RunningService.run(NotesService.self, on: .sqlite) { service in
            let token = try await service.issuer.token()
            let answer = try await service.send("POST", "/api/notes", #"{"text":7}"#, token: token)
            #expect(answer.status == 422)
            #expect(answer.fieldErrors == ["body.title required", "body.text not_a_string"])
        }
    }
}

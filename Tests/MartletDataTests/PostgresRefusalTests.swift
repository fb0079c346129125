@testable import MartletData
import Testing

@Suite struct PostgresRefusalTests {
    @Test(arguments: [
        (
            #"connection to server at "127.0.0.1", port 5432 failed: FATAL:  28P01: password authentication failed for user "m" LOCATION:  auth_failed, auth.c:330"#,
            "28P01", #"password authentication failed for user "m""#
        ),
        (
            #"FATAL:  3D000: database "x" does not exist LOCATION:  InitPostgres, postinit.c:1015"#, "3D000",
            #"database "x" does not exist"#
        ),
        // The server's messages may be in any language.
        (#"FATAL:  28000: Rolle »x« existiert nicht"#, "28000", "Rolle »x« existiert nicht"),
    ])
    func reportsWhyAServerRefuses(_ message: String, _ state: String, _ text: String) throws {
        let refusal = try #require(PostgresRefusal.parse(message))
        #expect(refusal.state == state)
        #expect(refusal.message == text)
        #expect(DatabaseError.other(code: refusal.state, message: refusal.message).isRefusal)
    }

    @Test func unreachableServerIsNotARefusal() {
        let away = #"connection to server at "127.0.0.1", port 1 failed: Connection refused Is the server running?"#
        #expect(PostgresRefusal.parse(away) == nil)
        #expect(!DatabaseError.unavailable(away).isRefusal)
        #expect(!DatabaseError.other(code: "57P03", message: "starting up").isRefusal)
    }
}

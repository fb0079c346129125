import MartletCore
import MartletData
import MartletTesting
import Testing

/// PostgreSQL's notifications, as hints.
@Suite struct ListenTests {
    @Test func notificationsArriveAlsoAfterTheConnectionWasLost() async throws {
        try await withDatabase(.postgres) { database in
            let count = Shared(0)
            let channel = uniqueName("channel_")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await database.listen(to: channel) { _ = count.next() } }
                try await eventually("listening") { count.value == 1 }
                try await database.execute("SELECT pg_notify(\(channel), '')")
                try await eventually("a notification") { count.value == 2 }
                // The server ends the connection; the listener opens another one.
                try await database.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE query = \("LISTEN \"\(channel)\"") AND pid <> pg_backend_pid()
                    """)
                try await eventually("listening again") { count.value == 3 }
                try await database.execute("SELECT pg_notify(\(channel), '')")
                try await eventually("another notification") { count.value == 4 }
                group.cancelAll()
            }
        }
    }

    @Test func sqliteHasNone() async throws {
        try await withDatabase(.sqlite) { database in await database.listen(to: "x") { Issue.record("a notification") }
        }
    }
}

import Contracts
import MartletCore
import MartletData
import MartletMessaging

/// The wishes in the database. Every method is one transaction, or part of the one that it is given.
struct WishStore: Sendable {
    let database: Database
    let messages: Messages
    let clock: WallClock

    func add(_ productID: Int64, by userID: Int64) async throws {
        try await database.transaction { connection in
            let count = try await connection.execute(
                """
                INSERT INTO wishes (user_id, product_id, created_at) VALUES (\(userID), \(productID), \(clock.now))
                ON CONFLICT (user_id, product_id) DO NOTHING
                """)
            guard count == 1 else { return }
            try await messages.emit(WishAdded(userID: userID, productID: productID), on: connection)
            try await messages.enqueue(CountWishes(), on: connection)
        }
    }

    // MARK: What it does when it hears an event

    /// Tells everybody who waits for a product that it is back.
    @Sendable func tellWaiting(
        _ event: StockChanged, _ delivery: Delivery, on connection: any Connection
    ) async throws {
        guard event.stock > 0, event.stock == event.change else { return }
        let users = try await connection.values(
            Int64.self, "SELECT user_id FROM wishes WHERE product_id = \(event.productID)")
        for user in users {
            try await messages.enqueue(SendNotice(userID: user, productID: event.productID), on: connection)
        }
    }

    @Sendable func forgetUser(_ event: UserDeleted, _ delivery: Delivery, on connection: any Connection) async throws {
        try await connection.execute("DELETE FROM wishes WHERE user_id = \(event.userID)")
    }

    @Sendable func forgetProduct(
        _ event: ProductDeleted, _ delivery: Delivery, on connection: any Connection
    ) async throws {
        try await connection.execute("DELETE FROM wishes WHERE product_id = \(event.productID)")
    }

    // MARK: What its jobs do

    func markTold(_ notice: SendNotice, on connection: any Connection) async throws {
        try await connection.execute(
            """
            UPDATE wishes SET told_at = \(clock.now)
            WHERE user_id = \(notice.userID) AND product_id = \(notice.productID)
            """)
    }

    /// Deletes up to a thousand wishes, and stores with them how many the job has deleted in all.
    /// - Returns: that number; the same as before when none is left.
    func deleteSome(before time: Timestamp, after done: Int, of run: JobRun) async throws -> Int {
        try await database.transaction { connection in
            let count = try await connection.execute(
                """
                DELETE FROM wishes WHERE id IN (
                    SELECT id FROM wishes WHERE created_at < \(time) ORDER BY id LIMIT 1000)
                """)
            try await run.save(done + count, on: connection)
            return done + count
        }
    }

    func count() async throws -> Int { try await database.count("SELECT count(*) FROM wishes") }
}

import MartletCore
import MartletData
import Testing

private struct Account: Model, Versioned {
    let id: ID<Account>
    let owner: Int
    let balance: Int
    let updatedAt: Timestamp

    static let table = "accounts"
    static let rules = Rules { Rule(CodingKeys.owner, "Whose it is.", list: .filter) }
}

@Suite struct ChangeTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func withAccounts(_ store: Store, _ body: (Database) async throws -> Void) async throws {
        try await withDatabase(store) { database in
            let dialect = database.dialect
            try await database.execute(
                """
                CREATE TABLE accounts (id \(dialect.identity), owner BIGINT, balance BIGINT, \
                updated_at \(dialect.timestamp))
                """)
            for owner in 1...2 {
                let row: ColumnValues = ["owner": owner, "balance": 0, "updated_at": now]
                try await database.execute("INSERT INTO accounts \(values: row)")
            }
            try await body(database)
        }
    }

    private func status(_ body: () async throws -> Void) async throws -> Int {
        do {
            try await body()
            return 200
        } catch let problem as Problem {
            return problem.status
        }
    }

    @Test(arguments: Store.allCases) func oneIsExactlyOneRow(_ store: Store) async throws {
        try await withAccounts(store) { database in
            let row: ColumnValues = ["owner": 3, "balance": 7, "updated_at": now]
            let account = try await database.one(
                Account.self, "INSERT INTO accounts \(values: row) RETURNING \(Account.columns)")
            #expect(account.id == ID(3) && account.balance == 7 && account.updatedAt == now)
            for condition in ["1 = 0", "1 = 1"] as [SQL] {
                let error = await #expect(throws: DatabaseError.self) {
                    try await database.one(Account.self, "SELECT \(Account.columns) FROM accounts WHERE \(condition)")
                }
                #expect(error?.description.hasPrefix("unexpected_rows: ") == true)
            }
        }
    }

    @Test(arguments: Store.allCases) func findsWhatIsInTheScopeOnly(_ store: Store) async throws {
        try await withAccounts(store) { database in
            func change(_ id: Int64, where scope: SQL) async throws -> Int {
                try await status {
                    try await database.change(Account.self, ID(id), where: scope) { current, connection in
                        #expect(current.id == ID(id))
                        try await connection.execute("UPDATE accounts SET balance = 1 WHERE id = \(current.id)")
                    }
                }
            }
            #expect(try await change(1, where: "owner = \(1)") == 200)
            #expect(try await change(1, where: "owner = \(2)") == 404)
            #expect(try await change(3, where: "1 = 1") == 404)
            // A scope is one condition, however it is written.
            #expect(try await change(3, where: "owner = \(1) OR owner = \(2)") == 404)
            #expect(try await change(2, where: "owner = \(1) OR owner = \(2)") == 200)
            let page = try await database.page(
                ListContract<Account>().read([(name: "owner", value: "3")]), where: "owner = \(1) OR owner = \(2)")
            #expect(page.total == 0)
        }
    }

    @Test(arguments: Store.allCases) func demandsTheVersionThatTheClientHasSeen(_ store: Store) async throws {
        try await withAccounts(store) { database in
            let seen = try await database.one(
                Account.self, "SELECT \(Account.columns) FROM accounts WHERE id = \(1)")
            func change(if precondition: Precondition) async throws -> Int {
                try await status {
                    try await database.change(Account.self, seen.id, if: precondition) { current, connection in
                        let next = now.next(after: current.updatedAt)
                        try await connection.execute(
                            "UPDATE accounts SET updated_at = \(next) WHERE id = \(current.id)")
                    }
                }
            }
            let precondition = Precondition(ifMatch: seen.entityTag)
            #expect(try await change(if: precondition) == 200)
            #expect(try await change(if: precondition) == 412)
            #expect(try await change(if: .none) == 200)
            #expect(try await change(if: Precondition(ifMatch: "*")) == 200)
        }
    }

    @Test(arguments: Store.allCases) func commitsAllOrNothing(_ store: Store) async throws {
        struct Refused: Error {}
        try await withAccounts(store) { database in
            await #expect(throws: Refused.self) {
                try await database.change(Account.self, ID(1)) { current, connection in
                    try await connection.execute("UPDATE accounts SET balance = 9 WHERE id = \(current.id)")
                    throw Refused()
                }
            }
            let balance = try await database.value(Int.self, "SELECT balance FROM accounts WHERE id = \(1)")
            #expect(balance == 0)
        }
    }

    @Test(arguments: Store.allCases) func changesOfOneRowWaitForEachOther(_ store: Store) async throws {
        try await withAccounts(store) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        _ = try await database.change(Account.self, ID(1)) { current, connection in
                            // No other transaction has changed what this one has read.
                            try await connection.execute(
                                "UPDATE accounts SET balance = \(current.balance + 1) WHERE id = \(current.id)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let balance = try await database.value(Int.self, "SELECT balance FROM accounts WHERE id = \(1)")
            #expect(balance == 40)
        }
    }
}

import Contracts
import MartletCore
import MartletData
import MartletMessaging

/// The users in the database. Every method is one transaction.
///
/// The actor who changes a user is read from the database in the same transaction, because the claims of their token
/// may be minutes old.
struct UserStore: Sendable {
    let database: Database
    let messages: Messages
    let sessions: SessionStore
    let clock: WallClock

    func list(_ query: ListQuery<User>) async throws -> RowPage<User> {
        try await database.page(query)
    }

    /// - Throws: ``Problem`` 404.
    func find(_ id: ID<User>) async throws -> User {
        try await database.first(User.self, "SELECT \(User.columns) FROM users WHERE id = \(id)").orNotFound()
    }

    /// - Parameter name: the key of an e-mail address or a username. No key is both.
    func credentials(named name: String) async throws -> Credentials? {
        try await database.first(
            Credentials.self,
            """
            SELECT id, password_hash, is_active FROM users
            WHERE email_key = \(name) OR username_key = \(name) ORDER BY id LIMIT 1
            """)
    }

    func credentials(of id: ID<User>) async throws -> Credentials? {
        try await database.first(
            Credentials.self, "SELECT id, password_hash, is_active FROM users WHERE id = \(id)")
    }

    /// Adds a user who registers, without any permissions.
    /// - Throws: ``Problem`` 409 when the e-mail address or the username is taken.
    func register(_ input: UserInput, _ hash: PasswordHash) async throws -> User {
        try input.profile.check(at: clock.now)
        return try await uniquelyNamed {
            try await database.transaction { try await insert(input, hash, on: $0) }
        }
    }

    /// - Throws: ``Problem`` 401 when the actor is no longer a user, 403 when they lack permission, 409 when the e-mail
    ///   address or the username is taken.
    func create(_ input: UserInput, _ hash: PasswordHash, by principal: Principal) async throws -> User {
        try input.profile.check(at: clock.now)
        return try await uniquelyNamed {
            try await database.transaction { connection in
                let actor = Actor(user: try await sessions.user(of: principal, on: connection))
                try actor.requireMayCreate(input)
                return try await insert(input, hash, on: connection)
            }
        }
    }

    /// - Parameters:
    ///   - hash: the hash of the new password, if any.
    ///   - change: returns the changed user.
    /// - Throws: ``Problem`` 401, 403, 404; 409 when a name is taken, or the change would deactivate the actor or the
    ///   last superuser; 412 when the precondition fails.
    func update(
        _ id: ID<User>, _ hash: PasswordHash?, if precondition: Precondition, by principal: Principal,
        _ change: @escaping @Sendable (User) throws -> UserInput
    ) async throws -> User {
        let (user, ended) = try await uniquelyNamed {
            try await database.transaction { connection in
                let (actor, current) = try await lock(id, by: principal, on: connection)
                try precondition.require(current)
                let input = try change(current)
                try input.profile.check(at: clock.now)
                try actor.requireMayChange(current, to: input, setsPassword: hash != nil)
                if current.isSuperuser, current.isActive, !(input.isSuperuser && input.isActive) {
                    try await requireAnotherSuperuser(than: id, on: connection)
                }
                let derived = hash.map { input.keys.with(["password_hash": $0.encoded]) } ?? input.keys
                let user = try await write(
                    "\(set: input, with: derived)", setsPassword: hash != nil, over: current, on: connection)
                let isOtherAuthority =
                    !input.isActive || hash != nil || input.isStaff != current.isStaff
                    || input.isSuperuser != current.isSuperuser || Set(input.permissions) != Set(current.permissions)
                return (user, isOtherAuthority ? try await sessions.endAll(of: id, on: connection) : [])
            }
        }
        sessions.onEnd(ended)
        return user
    }

    /// - Throws: ``Problem`` 401; 409 when the username is taken; 412 when the precondition fails.
    func updateOwn(
        if precondition: Precondition, by principal: Principal,
        _ change: @escaping @Sendable (User) throws -> OwnInput
    ) async throws -> User {
        let id = ID<User>(principal.userID)
        return try await uniquelyNamed {
            try await database.transaction { connection in
                let (actor, _) = try await lock(id, by: principal, on: connection)
                try precondition.require(actor.user)
                let input = try change(actor.user)
                try input.profile.check(at: clock.now)
                return try await write(
                    "\(set: input, with: ["username_key": input.username.key])", setsPassword: false, over: actor.user,
                    on: connection)
            }
        }
    }

    /// - Throws: ``Problem`` 401, 403, 404; 409 for the actor and the last superuser; 412 when the precondition fails.
    func delete(_ id: ID<User>, if precondition: Precondition, by principal: Principal) async throws {
        let ended = try await database.transaction { connection in
            let (actor, current) = try await lock(id, by: principal, on: connection)
            try precondition.require(current)
            try actor.requireMayDelete(current)
            if current.isSuperuser, current.isActive { try await requireAnotherSuperuser(than: id, on: connection) }
            let ended = try await sessions.endAll(of: id, on: connection)
            try await connection.execute("DELETE FROM users WHERE id = \(id)")
            try await messages.emit(UserDeleted(userID: id.rawValue), on: connection)
            return ended
        }
        sessions.onEnd(ended)
    }

    /// Sets a password and ends the user's other sessions.
    /// - Parameter account: the account when the current password was verified.
    /// - Throws: ``Problem`` 409 when the password has since been changed.
    func changePassword(of account: Credentials, to hash: PasswordHash, keeping session: String) async throws {
        let version = database.dialect.nextVersion(of: "updated_at", at: clock.now)
        let ended = try await database.transaction { connection in
            let user = try await connection.first(
                User.self,
                """
                UPDATE users SET password_hash = \(hash.encoded), updated_at = \(version)
                WHERE id = \(account.id) AND password_hash = \(account.hash.encoded) RETURNING \(User.columns)
                """)
            guard let user else {
                throw Problem.conflict("The password has been changed in the meantime.", code: "password_changed")
            }
            try await messages.emit(UserChanged(user, changed: ["password"]), on: connection)
            return try await sessions.endAll(of: account.id, except: session, on: connection)
        }
        sessions.onEnd(ended)
    }

    /// Adds the first superuser. Of several processes that try at the same time, one succeeds.
    /// - Returns: nil when a superuser already exists.
    /// - Throws: ``Problem`` 409 when the address or the username belongs to a user who is not a superuser.
    func createFirstSuperuser(_ input: UserInput, _ hash: PasswordHash) async throws -> User? {
        do {
            return try await uniquelyNamed {
                try await database.transaction { connection in
                    guard try await !hasSuperuser(on: connection) else { return nil }
                    return try await insert(input, hash, on: connection)
                }
            }
        } catch let problem as Problem where problem.status == 409 {
            // Another process was faster, unless the name is taken.
            if try await hasSuperuser() { return nil }
            throw problem
        }
    }

    func hasSuperuser() async throws -> Bool { try await hasSuperuser(on: database) }

    private func hasSuperuser(on connection: some Queryable) async throws -> Bool {
        try await connection.exists("SELECT 1 FROM users WHERE is_superuser = \(true)")
    }
}

/// The stored credentials of a user. They never leave the service.
struct Credentials: Sendable, Decodable {
    let id: ID<User>
    let isActive: Bool
    private let passwordHash: String

    var hash: PasswordHash { PasswordHash(encoded: passwordHash) }
}

extension UserStore {
    /// Reads the actor and the user to change, and locks both and all superusers until the transaction ends, so that
    /// two superusers cannot remove each other.
    private func lock(
        _ id: ID<User>, by principal: Principal, on connection: any Connection
    ) async throws -> (actor: Actor, current: User) {
        // Lock in a fixed order, to avoid deadlocks.
        let actorID = ID<User>(principal.userID)
        _ = try await connection.query(
            """
            SELECT id FROM users WHERE is_superuser = \(true) OR id = \(id) OR id = \(actorID)
            ORDER BY id\(database.dialect.forUpdate)
            """)
        let actor = Actor(user: try await sessions.user(of: principal, on: connection))
        let current = try await connection.first(
            User.self, "SELECT \(User.columns) FROM users WHERE id = \(id)"
        ).orNotFound()
        return (actor, current)
    }

    private func requireAnotherSuperuser(than id: ID<User>, on connection: any Connection) async throws {
        let isThere = try await connection.exists(
            "SELECT 1 FROM users WHERE is_superuser = \(true) AND is_active = \(true) AND id <> \(id)")
        guard isThere else {
            throw Problem.conflict("This is the last superuser.", code: "last_superuser")
        }
    }

    private func insert(
        _ input: UserInput, _ hash: PasswordHash, on connection: any Connection
    ) async throws -> User {
        let derived = input.keys.with(["password_hash": hash.encoded])
        let user = try await connection.one(
            User.self,
            "INSERT INTO users \(values: input, with: derived, stamped: clock.now) RETURNING \(User.columns)")
        try await messages.emit(
            UserRegistered(userID: user.id.rawValue, email: user.email, username: user.username), on: connection)
        return user
    }

    private func write(
        _ columns: SQL, setsPassword: Bool, over current: User, on connection: any Connection
    ) async throws -> User {
        let user = try await connection.one(
            User.self,
            """
            UPDATE users SET \(columns), updated_at = \(clock.now.next(after: current.updatedAt))
            WHERE id = \(current.id) RETURNING \(User.columns)
            """)
        let names = try ColumnValues(of: user).names(differingFrom: ColumnValues(of: current))
        let changed = names.filter { $0 != "updated_at" } + (setsPassword ? ["password"] : [])
        if !changed.isEmpty { try await messages.emit(UserChanged(user, changed: changed), on: connection) }
        return user
    }

    /// Like `uniquely`, but reports a key column by the name of its field.
    private func uniquelyNamed<Value: Sendable>(_ change: () async throws -> Value) async throws -> Value {
        try await uniquely {
            do {
                return try await change()
            } catch DatabaseError.unique(let columns) {
                throw DatabaseError.unique(
                    columns: columns.map { $0.hasSuffix("_key") ? String($0.dropLast("_key".count)) : $0 })
            }
        }
    }
}

extension UserChanged {
    fileprivate init(_ user: User, changed: [String]) {
        self.init(
            userID: user.id.rawValue, changed: changed, email: user.email, username: user.username,
            isActive: user.isActive, updatedAt: user.updatedAt)
    }
}

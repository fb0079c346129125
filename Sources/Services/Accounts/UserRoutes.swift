import MartletCore
import MartletData
import MartletWeb

// The routes for user administration.
extension AccountsService {
    @Sendable func list(_ context: Context, _ query: ListQuery<User>) async throws -> RowPage<User> {
        try await users.list(query)
    }

    @Sendable func find(_ context: Context, _ id: ID<User>) async throws -> User {
        try await users.find(id)
    }

    @Sendable func create(_ context: Context, _ input: NewUser) async throws -> Created<User> {
        let hash = try await hash(input.password, for: input.user, .user(context.user(), at: context.clientAddress))
        let user = try await users.create(input.user, hash, by: context.user())
        return Created(user, at: "/api/users/\(user.id)")
    }

    @Sendable func replace(_ context: Context, _ id: ID<User>, _ input: UserChange) async throws -> User {
        let hash = try await hashIfPresent(
            input.password, for: input.user, .user(context.user(), at: context.clientAddress))
        return try await users.update(id, hash, if: context.precondition, by: context.user()) { _ in input.user }
    }

    @Sendable func update(
        _ context: Context, _ id: ID<User>, _ patch: MergePatch<UserChange>
    ) async throws -> User {
        // Hash the password before the transaction, which would otherwise block others.
        let change = try patch.applied(to: try await users.find(id))
        let hash = try await hashIfPresent(
            change.password, for: change.user, .user(context.user(), at: context.clientAddress))
        return try await users.update(id, hash, if: context.precondition, by: context.user()) {
            try patch.applied(to: $0).user
        }
    }

    @Sendable func delete(_ context: Context, _ id: ID<User>) async throws -> NoContent {
        try await users.delete(id, if: context.precondition, by: context.user())
        return NoContent()
    }

    private func hashIfPresent(
        _ password: NewPassword?, for user: UserInput, _ source: LoginSource
    ) async throws -> PasswordHash? {
        guard let password else { return nil }
        return try await hash(password, for: user, source)
    }

    func hash(_ password: NewPassword, for user: UserInput, _ source: LoginSource) async throws -> PasswordHash {
        try password.requireDissimilar(to: user.personalTexts)
        return try await passwords.hash(password, for: source)
    }
}

import MartletCore
import MartletWeb

// The routes for one's own account.
extension AccountsService {
    @Sendable func register(_ context: Context, _ input: Registration) async throws -> Created<User> {
        guard settings.isRegistrationOpen else {
            throw Problem.forbidden("Registration is closed.", code: "registration_closed")
        }
        let fields = try UserInput(input)
        let user = try await users.register(
            fields, try await hash(input.password, for: fields, .stranger(context.clientAddress)))
        return Created(user, at: "/api/users/\(user.id)")
    }

    @Sendable func me(_ context: Context) async throws -> WithHeaders<User> {
        WithHeaders(try await sessions.user(of: context.user()), [noStore])
    }

    /// Does not change the e-mail address: it is used to recover the account, so a change must prove access to the new
    /// mailbox.
    @Sendable func updateMe(_ context: Context, _ patch: MergePatch<OwnInput>) async throws -> WithHeaders<User> {
        let user = try await users.updateOwn(if: context.precondition, by: context.user()) {
            try patch.applied(to: $0)
        }
        return WithHeaders(user, [noStore])
    }

    @Sendable func changePassword(_ context: Context, _ input: ChangePassword) async throws -> WithHeaders<NoContent> {
        let principal = try context.user()
        let user = try await sessions.user(of: principal)
        // An open session must not allow guessing the password.
        let source = LoginSource.user(principal, at: context.clientAddress)
        let account = try await throttle.checking("password of \(user.id)", from: source) {
            let account = try await users.credentials(of: user.id)
            return try await passwords.verify(input.currentPassword, against: account?.hash, for: source)
                ? account : nil
        }
        guard let account else {
            throw Problem.invalid(field: "current_password", "Incorrect password.", code: "password_incorrect")
        }
        try input.newPassword.requireDissimilar(
            to: [user.email, user.username, user.firstName, user.lastName], field: "new_password")
        let hash = try await passwords.hash(input.newPassword, for: source)
        try await users.changePassword(of: account, to: hash, keeping: principal.sessionID)
        return WithHeaders(NoContent(), [noStore])
    }
}

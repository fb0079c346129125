import MartletWeb

/// What a sign-in page asks before it offers an account.
struct RegistrationState: Codable, Output {
    /// Whether people may register themselves.
    let open: Bool
}

extension AccountsService {
    @Sendable func registration(_ context: Context) async throws -> WithHeaders<RegistrationState> {
        WithHeaders(RegistrationState(open: settings.isRegistrationOpen), [noStore])
    }
}

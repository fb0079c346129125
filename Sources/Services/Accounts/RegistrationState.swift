import MartletWeb

/// Tells a sign-in page whether to offer registration.
struct RegistrationState: Codable, Output {
    /// Whether registration is open.
    let open: Bool
}

extension AccountsService {
    @Sendable func registration(_ context: Context) async throws -> WithHeaders<RegistrationState> {
        WithHeaders(RegistrationState(open: settings.isRegistrationOpen), [noStore])
    }
}

import MartletMessaging

/// Deletes expired sessions.
struct ForgetExpiredSessions: Job {}

extension AccountsService {
    @Sendable func forgetExpiredSessions(_ job: ForgetExpiredSessions, _ run: JobRun) async throws {
        try await sessions.forgetExpired()
    }
}

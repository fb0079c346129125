import Contracts
import MartletCore
import MartletData
public import MartletMessaging
public import MartletWeb

/// Users: registration, sign-in, sessions, profiles and administration.
public struct AccountsService: Service {
    public static let name = "accounts"
    public static let summary = "Users, sign-in, sessions and the keys that access tokens are signed with."
    public static let prefixes = ["/api/auth", "/api/users", "/.well-known/jwks.json"]
    public static let issuesTokens = true
    public static let events: [any Event.Type] = [
        UserRegistered.self, UserChanged.self, UserDeleted.self, SessionStarted.self, SessionEnded.self,
    ]

    let settings: AccountsSettings
    let clock: WallClock
    let users: UserStore
    let sessions: SessionStore
    let passwords: PasswordHasher
    let keys: SigningKeys
    let throttle: LoginThrottle
    private let announce: @Sendable (String) -> Void

    /// - Throws: ``ServiceError`` for contradictory settings, and for signing keys that can be neither read nor
    ///   created.
    public init(_ platform: Platform, settings: AccountsSettings) throws {
        try settings.validate()
        self.settings = settings
        announce = platform.announce
        clock = platform.clock
        let authenticator = platform.authenticator
        sessions = SessionStore(
            database: platform.database, messages: platform.messages, settings: settings, clock: platform.clock
        ) { ended in
            for session in ended { authenticator.revoke(session: session.id, until: session.tokensEnd) }
        }
        users = UserStore(
            database: platform.database, messages: platform.messages, sessions: sessions, clock: platform.clock)
        passwords = try PasswordHasher(cost: settings.passwordCost)
        keys = try SigningKeys(directory: platform.folder + "/keys", clock: platform.clock)
        throttle = LoginThrottle(clock: platform.monotonicClock)
    }

    /// Revokes the access tokens of ended sessions in this process. Deletes expired sessions. If there is no superuser,
    /// creates the first administrator and announces it.
    /// - Throws: ``ServiceError``; ``DatabaseError``.
    public func prepare() async throws {
        sessions.onEnd(try await sessions.endedLately())
        try await sessions.forgetExpired()
        guard let administrator = try await makeFirstAdministrator() else { return }
        for line in administrator.announcement { announce(line) }
    }

    public var greeting: String? { "sign in as \(settings.administratorEmail)" }

    public var jobs: [JobKind] {
        Run(ForgetExpiredSessions.self, use: forgetExpiredSessions).unique
    }

    public var schedules: [Schedule] {
        Every("forget expired sessions", "17 * * * *", ForgetExpiredSessions()).skippingMissed
    }

    public var routes: [Route] {
        Group("/api/auth", tag: "Sign-in") {
            Post("register", use: register).public.summary("Register")
            Get("registration", use: registration).public.summary("Whether users may register themselves")
            Post("login", use: login).public.summary("Sign in by e-mail address or username")
            Post("refresh", use: refresh).public.summary("Exchange a refresh token for new tokens")
            Post("logout", use: logout).public.summary("End the session")
            Post("verify-token", use: verifyToken).public.summary("Check an access token and its session")
            Get("me", use: me).signedIn.summary("Read your own account")
            Patch("me", use: updateMe).signedIn.summary("Change some fields of your own account")
            Post("change-password", use: changePassword).signedIn.summary("Change your password")
        }
        Group("/.well-known", tag: "Sign-in") {
            Get("jwks.json", use: keySet).public.summary("The public keys of the access tokens (RFC 7517)")
        }
        Group("/api/users", tag: "Users") {
            Get(use: list).requires("accounts.view_user", staffOnly: true).summary("List users")
            Post(use: create).requires("accounts.add_user", staffOnly: true).summary("Add a user")
            Get("{id}", use: find).requires("accounts.view_user", staffOnly: true).summary("Read a user")
            Put("{id}", use: replace).requires("accounts.change_user", staffOnly: true).summary("Replace a user")
            Patch("{id}", use: update).requires("accounts.change_user", staffOnly: true)
                .summary("Change some fields of a user")
            Delete("{id}", use: delete).requires("accounts.delete_user", staffOnly: true).summary("Delete a user")
        }
    }
}

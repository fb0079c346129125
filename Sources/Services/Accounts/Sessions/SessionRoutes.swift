import MartletCore
import MartletTokens
import MartletWeb

extension AccountsService {
    @Sendable func login(_ context: Context, _ input: Login) async throws -> WithHeaders<Tokens> {
        let name = try input.identifier().tidied.identityKey
        let account = try await users.credentials(named: name)
        let source = try await sessions.source(
            of: RefreshCookie.token(in: context), at: context.clientAddress, for: account?.id)
        // Sign-ins by address and by username count for the same account. A made-up name never counts for one.
        let counted = account.map { "user \($0.id)" } ?? "name \(name)"
        let grant: Grant? = try await throttle.checking(counted, from: source) {
            // Verify in any case, so that the response time reveals nothing.
            let isRight = try await passwords.verify(input.password, against: account?.hash, for: source)
            guard let account, isRight, account.isActive else { return nil }
            return try await sessions.open(
                account, renewed: passwords.renewed(account.hash, of: input.password, for: source),
                from: context.clientAddress)
        }
        guard let grant else { throw Problem.invalidCredentials }
        return try await answer(grant, context)
    }

    @Sendable func refresh(_ context: Context, _ input: RefreshInput) async throws -> WithHeaders<Tokens> {
        if let token = input.refreshToken {
            return try await answer(sessions.rotate(RefreshToken(presented: token), byCookie: false), context)
        }
        guard let token = RefreshCookie.token(in: context) else { throw Problem.invalidRefreshToken }
        do {
            return try await answer(sessions.rotate(token, byCookie: true), context)
        } catch var problem as Problem where problem.status == 401 && problem.code != Problem.refreshTokenUsed.code {
            problem.headers += [RefreshCookie.clear(context), noStore]
            throw problem
        }
    }

    @Sendable func logout(_ context: Context, _ input: RefreshInput) async throws -> WithHeaders<NoContent> {
        let token = input.refreshToken.map(RefreshToken.init(presented:)) ?? RefreshCookie.token(in: context)
        if let token { try await sessions.end(token) }
        return WithHeaders(NoContent(), [RefreshCookie.clear(context), noStore])
    }

    @Sendable func verifyToken(_ context: Context, _ input: VerifyInput) async throws -> WithHeaders<VerifiedToken> {
        guard let token = try input.token.map({ Array($0.utf8) }) ?? context.bearerToken() else {
            throw Problem.unauthorized("Send the token in the Authorization header, or as 'token' in the body.")
        }
        let claims = try await keys.verify(token)
        guard let principal = Principal(claims) else { throw Problem.invalidToken }
        let user = try await sessions.user(of: principal)
        let answer = VerifiedToken(
            valid: true, userId: user.id, expiresAt: Timestamp(microseconds: 0).advanced(bySeconds: claims.expires),
            permissions: user.permissions, user: user)
        return WithHeaders(answer, [noStore])
    }

    @Sendable func keySet(_ context: Context) async throws -> WithHeaders<JSONWebKeySet> {
        WithHeaders(keys.publicKeys, [("Cache-Control", "public, max-age=300")])
    }

    private func answer(_ grant: Grant, _ context: Context) async throws -> WithHeaders<Tokens> {
        let claims = AccessToken(
            grant.user.principal(session: grant.sessionID), id: SecureRandom.text(bytes: 16), issuedAt: grant.issuedAt,
            lifetime: settings.accessTokenLifetime)
        let tokens = Tokens(
            accessToken: try await keys.sign(claims), refreshToken: grant.refreshToken.text, tokenType: "Bearer",
            expiresIn: settings.accessTokenLifetime, user: grant.user)
        return WithHeaders(
            tokens, [RefreshCookie.set(grant.refreshToken, lifetime: settings.refreshTokenLifetime, context), noStore])
    }
}

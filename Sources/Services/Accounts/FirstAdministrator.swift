import MartletCore
import MartletWeb

/// The first account of a new platform. It is shown once, at the first start, and never logged.
struct FirstAdministrator: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let email: String
    let username: String
    /// nil when the configuration sets the password.
    let generatedPassword: String?

    /// The lines to show on the terminal, once in the life of a database.
    var announcement: [String] {
        guard let generatedPassword else {
            return ["The first administrator is \(email), with the configured password."]
        }
        return [
            "The first administrator is \(email), with the password \(generatedPassword)",
            "It is shown only once. Change it in your profile.",
        ]
    }

    var description: String { "(administrator \(email))" }
    var debugDescription: String { description }
}

extension AccountsService {
    /// Creates the first administrator unless there is a superuser. Of several processes that start at the same time,
    /// one creates and returns it.
    /// - Throws: ``ServiceError`` when the address or the username belongs to a user who is not a superuser. An account
    ///   that registered the name must not gain superuser rights.
    func makeFirstAdministrator() async throws -> FirstAdministrator? {
        guard try await !users.hasSuperuser() else { return nil }
        let generated = settings.administratorPassword == nil ? SecureRandom.text(bytes: 18) : nil
        let new = try administrator(password: settings.administratorPassword ?? generated ?? "")
        let hash = try await passwords.hash(new.password, for: LoginSource(name: "first administrator", isKnown: true))
        do {
            guard try await users.createFirstSuperuser(new.user, hash) != nil else { return nil }
        } catch let problem as Problem where problem.status == 409 {
            let names = problem.errors.flatMap { $0.loc.dropFirst() }.joined(separator: ", ")
            throw ServiceError("cannot create the first administrator: another user has the same \(names)")
        }
        return FirstAdministrator(
            email: new.user.email.text, username: new.user.username.text, generatedPassword: generated)
    }

    private func administrator(password: String) throws -> NewUser {
        let fields: JSONValue = [
            "email": .string(settings.administratorEmail), "username": "admin", "password": .string(password),
            "is_verified": true, "is_staff": true, "is_superuser": true,
        ]
        do {
            return try InputDecoder.decode(NewUser.self, from: [.init(body: fields)])
        } catch let problem as Problem {
            let reasons = problem.errors.map { "\($0.loc.last ?? ""): \($0.message)" }
            throw ServiceError("cannot create the first administrator: \(reasons.joined(separator: " "))")
        }
    }
}

import MartletCore
import MartletWeb

/// The account that a new platform starts with. It is shown once, to whoever starts the platform, and never logged.
public struct FirstAdministrator: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    public let email: String
    public let username: String
    /// nil when it was set by configuration: whoever set it knows it.
    public let generatedPassword: String?

    public var description: String { "(administrator \(email))" }
    public var debugDescription: String { description }
}

extension AccountsService {
    /// Of several processes that start at once, one makes the administrator and returns them.
    /// - Throws: ``ServiceError`` when the address or the name belongs to somebody who is no superuser: rights are not
    ///   given to whoever has registered it.
    func makeFirstAdministrator() async throws -> FirstAdministrator? {
        guard try await !users.hasSuperuser() else { return nil }
        let generated = settings.administratorPassword == nil ? SecureRandom.text(bytes: 18) : nil
        let (input, password) = try administrator(password: settings.administratorPassword ?? generated ?? "")
        let hash = try await passwords.hash(password, for: LoginSource(name: "first administrator", isKnown: true))
        do {
            guard try await users.createFirstSuperuser(input, hash) != nil else { return nil }
        } catch let problem as Problem where problem.status == 409 {
            let names = problem.errors.flatMap { $0.loc.dropFirst() }.joined(separator: ", ")
            throw ServiceError("the first administrator cannot be made: another user has the same \(names)")
        }
        return FirstAdministrator(email: input.email.text, username: input.username.text, generatedPassword: generated)
    }

    private func administrator(password: String) throws(ServiceError) -> (UserInput, NewPassword) {
        do throws(ScalarIssue) {
            var input = UserInput(
                email: try EmailAddress(reading: .text(settings.administratorEmail)),
                username: try Username(reading: .text("admin")))
            input.isVerified = true
            input.isStaff = true
            input.isSuperuser = true
            return (input, try NewPassword(reading: .text(password)))
        } catch {
            throw ServiceError("the first administrator cannot be made: \(error.message)")
        }
    }
}

import MartletCore

/// A user who administers other users, and the rules for what they may change. The route has already checked their
/// permission.
struct Actor: Sendable {
    let user: User

    /// - Throws: ``Problem`` 403.
    func requireMayCreate(_ input: UserInput) throws(Problem) {
        if input.isStaff || input.isSuperuser || !input.permissions.isEmpty { try requireSuperuser() }
    }

    /// - Throws: ``Problem`` 403; 409 when the actor would deactivate themselves.
    func requireMayChange(_ current: User, to input: UserInput, setsPassword: Bool) throws(Problem) {
        let changesRights =
            input.isStaff != current.isStaff || input.isSuperuser != current.isSuperuser
            || Set(input.permissions) != Set(current.permissions)
        if changesRights || current.isSuperuser { try requireSuperuser() }
        try requireNotAbove(current)
        // An open session alone must not be enough to take over the account.
        if current.id == user.id, setsPassword {
            throw .forbidden(
                "Change your own password with POST /api/auth/change-password, which requires the current one.",
                code: "own_password")
        }
        if current.id == user.id, !input.isActive {
            throw .conflict("You cannot deactivate yourself.", code: "own_account")
        }
    }

    /// - Throws: ``Problem`` 403; 409 for the actor's own account.
    func requireMayDelete(_ current: User) throws(Problem) {
        if current.isSuperuser { try requireSuperuser() }
        try requireNotAbove(current)
        if current.id == user.id { throw .conflict("You cannot delete yourself.", code: "own_account") }
    }

    private func requireSuperuser() throws(Problem) {
        guard user.isSuperuser else {
            throw .forbidden("Only superusers may change superusers or set is_staff, is_superuser or permissions.")
        }
    }

    private func requireNotAbove(_ other: User) throws(Problem) {
        guard user.mayDoAll(other) else { throw .forbidden("The user has permissions that you do not have.") }
    }
}

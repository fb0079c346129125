import MartletCore

/// Somebody who administers users, and what that allows. That they hold the route's permission has been checked.
struct Actor: Sendable {
    let user: User

    /// - Throws: ``Problem`` 403.
    func requireMayCreate(_ input: UserInput) throws(Problem) {
        if input.isStaff || input.isSuperuser || !input.permissions.isEmpty { try requireSuperuser() }
    }

    /// - Throws: ``Problem`` 403; 409 when they would deactivate themselves.
    func requireMayChange(_ current: User, to input: UserInput, setsPassword: Bool) throws(Problem) {
        let changesRights =
            input.isStaff != current.isStaff || input.isSuperuser != current.isSuperuser
            || Set(input.permissions) != Set(current.permissions)
        if changesRights || current.isSuperuser { try requireSuperuser() }
        try requireNotAbove(current)
        // Whoever found an open session must not take the account over with it.
        if current.id == user.id, setsPassword {
            throw .forbidden(
                "Change your own password with POST /api/auth/change-password, which asks for the present one.",
                code: "own_password")
        }
        if current.id == user.id, !input.isActive {
            throw .conflict("You cannot deactivate yourself.", code: "own_account")
        }
    }

    /// - Throws: ``Problem`` 403; 409 for themselves.
    func requireMayDelete(_ current: User) throws(Problem) {
        if current.isSuperuser { try requireSuperuser() }
        try requireNotAbove(current)
        if current.id == user.id { throw .conflict("You cannot delete yourself.", code: "own_account") }
    }

    private func requireSuperuser() throws(Problem) {
        guard user.isSuperuser else {
            throw .forbidden("Only superusers may change superusers, and set is_staff, is_superuser and permissions.")
        }
    }

    private func requireNotAbove(_ other: User) throws(Problem) {
        guard user.mayDoAll(other) else { throw .forbidden("The user may do more than you.") }
    }
}

import MartletCore

extension Principal {
    /// - Throws: ``Problem`` 403 when the principal does not satisfy `access`.
    func require(_ access: Access) throws(Problem) {
        guard case .permission(let permission, let staffOnly) = access else { return }
        guard has(permission), !staffOnly || isStaff || isSuperuser else {
            throw .forbidden("This needs the permission \(permission)\(staffOnly ? " and a staff account" : "").")
        }
    }
}

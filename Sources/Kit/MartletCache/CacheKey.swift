public import MartletCore

/// The name of a cached value: everything that the value depends on.
///
/// ```swift
/// CacheKey("17", for: .everyone)
/// CacheKey("page=2", for: .user(7), in: "user 7")
/// ```
public struct CacheKey: Sendable, Hashable {
    /// Whom the value is for, its group and its id, with their lengths: no two keys have the same text.
    let text: String
    /// Values of a group can be forgotten together.
    let group: String?

    /// - Parameters:
    ///   - id: identifies the value among those of the same group and scope.
    ///   - scope: who may see the value. It has no default, because a missing one shows a user what another may see.
    ///   - group: a name of values that change together. Default: none.
    public init(_ id: String, for scope: CacheScope, in group: String? = nil) {
        let name = group ?? ""
        text = "\(scope.text.utf8.count).\(name.utf8.count).\(scope.text)\(name)\(id)"
        self.group = group
    }

    var byteCount: Int { text.utf8.count }

    public static func == (left: CacheKey, right: CacheKey) -> Bool {
        // As bytes: the texts of clients are compared at a cost in proportion to their length.
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// Whom a cached value is for: the part of a request's identity that the value depends on.
public struct CacheScope: Sendable, Hashable {
    let text: String

    /// The value is the same for all callers, also for those who are not signed in.
    public static let everyone = CacheScope(text: "*")

    /// The value depends on the user, such as "my orders".
    public static func user(_ id: Int64) -> CacheScope { CacheScope(text: "u\(id)") }

    /// The value depends on what the caller may do but not on who the caller is. Callers with the same rights share it.
    public static func rights(of principal: Principal) -> CacheScope {
        if principal.isSuperuser { return CacheScope(text: "r*") }
        let permissions = principal.permissions.sorted().map { "\($0.utf8.count).\($0)" }.joined()
        return CacheScope(text: "r\(principal.isStaff ? "s" : "")\(permissions)")
    }
}

/// An object that stores its index in a ``Registry``.
protocol RegistryMember: AnyObject {
    /// -1 while it is in no registry.
    var registryIndex: Int { get set }
}

/// The open objects of an event loop, with constant-time insertion and removal.
struct Registry<Member: RegistryMember> {
    private(set) var members: [Member] = []

    var isEmpty: Bool { members.isEmpty }

    mutating func add(_ member: Member) {
        member.registryIndex = members.count
        members.append(member)
    }

    /// - Returns: whether it was registered.
    mutating func remove(_ member: Member) -> Bool {
        let index = member.registryIndex
        guard members.indices.contains(index), members[index] === member else { return false }
        let last = members.count - 1
        if index != last {
            members[index] = members[last]
            members[index].registryIndex = index
        }
        members.removeLast()
        member.registryIndex = -1
        return true
    }
}

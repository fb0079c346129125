/// Knows its place in a ``Registry``.
protocol RegistryMember: AnyObject {
    /// -1 while it is in none.
    var registryIndex: Int { get set }
}

/// What is open on an event loop. Adding and removing cost the same however many there are.
struct Registry<Member: RegistryMember> {
    private(set) var members: [Member] = []

    var isEmpty: Bool { members.isEmpty }

    mutating func add(_ member: Member) {
        member.registryIndex = members.count
        members.append(member)
    }

    /// - Returns: whether it was there.
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

/// An object that stores its index in a ``Registry``.
protocol IntrusiveSetElement: AnyObject {
    /// -1 while it is in no registry.
    var setIndex: Int { get set }
}

/// A set whose members know their index in it. Adding and removing cost the same however many there are.
struct IntrusiveSet<Member: IntrusiveSetElement> {
    private(set) var members: [Member] = []

    var isEmpty: Bool { members.isEmpty }

    mutating func add(_ member: Member) {
        member.setIndex = members.count
        members.append(member)
    }

    /// - Returns: whether it was registered.
    mutating func remove(_ member: Member) -> Bool {
        let index = member.setIndex
        guard members.indices.contains(index), members[index] === member else { return false }
        let last = members.count - 1
        if index != last {
            members[index] = members[last]
            members[index].setIndex = index
        }
        members.removeLast()
        member.setIndex = -1
        return true
    }
}

/// Elements in order of their last use. All operations take constant time.
public struct RecencyList<Element> {
    @usableFromInline
    struct Node {
        @usableFromInline var element: Element?
        @usableFromInline var newer = -1
        @usableFromInline var older = -1

        @inlinable init() {}
    }

    @usableFromInline var nodes: [Node] = []
    @usableFromInline var free: [Int] = []
    @usableFromInline var newest = -1
    @usableFromInline var last = -1

    @inlinable
    public init() {}

    /// The place of the element unused for longest; -1 when there is none.
    @inlinable public var oldest: Int { last }

    @inlinable
    public subscript(_ place: Int) -> Element? { nodes.indices.contains(place) ? nodes[place].element : nil }

    /// - Returns: its place, which stays the same until it is removed.
    @inlinable
    public mutating func insert(_ element: Element) -> Int {
        let place = free.popLast() ?? nodes.count
        if place == nodes.count { nodes.append(Node()) }
        nodes[place].element = element
        link(place)
        return place
    }

    /// Makes an element the last used one.
    @inlinable
    public mutating func touch(_ place: Int) {
        guard place != newest else { return }
        unlink(place)
        link(place)
    }

    /// Changes an element without using it.
    @inlinable
    public mutating func change(_ place: Int, _ body: (inout Element) -> Void) {
        guard nodes.indices.contains(place), var element = nodes[place].element else { return }
        body(&element)
        nodes[place].element = element
    }

    @inlinable
    @discardableResult
    public mutating func remove(_ place: Int) -> Element? {
        guard let element = self[place] else { return nil }
        unlink(place)
        nodes[place] = Node()
        free.append(place)
        return element
    }

    @inlinable
    mutating func link(_ place: Int) {
        nodes[place].newer = -1
        nodes[place].older = newest
        if newest >= 0 { nodes[newest].newer = place }
        newest = place
        if last < 0 { last = place }
    }

    @inlinable
    mutating func unlink(_ place: Int) {
        let (newer, older) = (nodes[place].newer, nodes[place].older)
        if newer >= 0 { nodes[newer].older = older } else { newest = older }
        if older >= 0 { nodes[older].newer = newer } else { last = newer }
    }
}

extension RecencyList: Sendable where Element: Sendable {}
extension RecencyList.Node: Sendable where Element: Sendable {}

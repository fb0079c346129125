/// Elements in order of their last use. All operations take constant time.
struct RecencyList<Element> {
    private struct Node {
        var element: Element?
        var newer = -1
        var older = -1
    }

    private var nodes: [Node] = []
    private var free: [Int] = []
    private var newest = -1
    private(set) var oldest = -1

    subscript(_ place: Int) -> Element? { nodes.indices.contains(place) ? nodes[place].element : nil }

    /// - Returns: its place, which stays the same until it is removed.
    mutating func insert(_ element: Element) -> Int {
        let place = free.popLast() ?? nodes.count
        if place == nodes.count { nodes.append(Node()) }
        nodes[place].element = element
        link(place)
        return place
    }

    mutating func touch(_ place: Int) {
        guard place != newest else { return }
        unlink(place)
        link(place)
    }

    @discardableResult
    mutating func remove(_ place: Int) -> Element? {
        guard let element = self[place] else { return nil }
        unlink(place)
        nodes[place] = Node()
        free.append(place)
        return element
    }

    private mutating func link(_ place: Int) {
        nodes[place].newer = -1
        nodes[place].older = newest
        if newest >= 0 { nodes[newest].newer = place }
        newest = place
        if oldest < 0 { oldest = place }
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (nodes[place].newer, nodes[place].older)
        if newer >= 0 { nodes[newer].older = older } else { newest = older }
        if older >= 0 { nodes[older].newer = newer } else { oldest = newer }
    }
}

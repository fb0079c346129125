/// A first-in, first-out queue with amortized constant-time operations at both ends.
struct WaitQueue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    /// Changes the first element in place.
    mutating func update(_ change: (inout Element) -> Void) {
        guard !isEmpty, var element = elements[head] else { return }
        elements[head] = nil
        change(&element)
        elements[head] = element
    }

    /// All elements except the first.
    var rest: some Sequence<Element> { elements.dropFirst(head + 1).lazy.compactMap { $0 } }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}

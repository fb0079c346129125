import NIOCore

/// Who waits for one thing, served in turn by the clients they belong to: however many one client has waiting, the first
/// of another comes next but one. Pure. All of it costs constant time, but for ``longest`` and
/// ``remove(of:where:)``, which look at what waits.
struct FairQueue<Key: Hashable, Element> {
    private var lines: [Key: CircularBuffer<Element>] = [:]
    /// The clients, in the order of their turns. One whose line has become empty stays until its turn comes.
    private var turns = CircularBuffer<Key>()
    private(set) var count = 0
    private var emptyLines = 0

    func count(of key: Key) -> Int { lines[key]?.count ?? 0 }

    /// How many each client has waiting.
    var counts: [Key: Int] { lines.mapValues(\.count).filter { $0.value > 0 } }

    mutating func append(_ element: Element, of key: Key) {
        if let line = lines[key] {
            if line.isEmpty { emptyLines -= 1 }
            lines[key]?.append(element)
        } else {
            lines[key] = [element]
            turns.append(key)
        }
        count += 1
    }

    /// Takes out the next one.
    mutating func popFirst() -> Element? {
        while let key = turns.popFirst() {
            guard let element = lines[key]?.popFirst() else {
                lines[key] = nil
                emptyLines -= 1
                continue
            }
            count -= 1
            if lines[key]?.isEmpty == false { turns.append(key) } else { lines[key] = nil }
            return element
        }
        return nil
    }

    /// The client that has the most waiting.
    var longest: (key: Key, count: Int)? {
        lines.max { $0.value.count < $1.value.count }.map { ($0.key, $0.value.count) }
    }

    /// Takes out the one of a client that has come last.
    mutating func popLast(of key: Key) -> Element? {
        guard let element = lines[key]?.popLast() else { return nil }
        taken(from: key)
        return element
    }

    /// Takes out one that waits no longer.
    mutating func remove(of key: Key, where isIt: (Element) -> Bool) {
        // Those that give up have mostly waited longest.
        guard let index = lines[key]?.firstIndex(where: isIt) else { return }
        lines[key]?.remove(at: index)
        taken(from: key)
    }

    private mutating func taken(from key: Key) {
        count -= 1
        guard lines[key]?.isEmpty == true else { return }
        emptyLines += 1
        // Clients that have given up must not be remembered until everybody before them has been served.
        guard emptyLines > 64, emptyLines > lines.count / 2 else { return }
        lines = lines.filter { !$0.value.isEmpty }
        turns = CircularBuffer(turns.filter { lines[$0] != nil })
        emptyLines = 0
    }
}

import NIOCore

/// A queue that serves clients in turn: however many entries one client has, it gets one per round. Performs no I/O.
/// Operations take constant time, except ``longest`` and ``remove(of:where:)``, which scan.
struct FairQueue<Key: Hashable, Element> {
    private var lines: [Key: CircularBuffer<Element>] = [:]
    /// The clients, in the order of their turns. A client whose line is empty stays until its turn.
    private var turns = CircularBuffer<Key>()
    private(set) var count = 0
    private var emptyLines = 0

    func count(of key: Key) -> Int { lines[key]?.count ?? 0 }

    /// The number of entries per client.
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

    /// Removes the next entry.
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

    /// The client with the most entries.
    var longest: (key: Key, count: Int)? {
        lines.max { $0.value.count < $1.value.count }.map { ($0.key, $0.value.count) }
    }

    /// Removes a client's newest entry.
    mutating func popLast(of key: Key) -> Element? {
        guard let element = lines[key]?.popLast() else { return nil }
        taken(from: key)
        return element
    }

    /// Removes an entry that no longer waits.
    mutating func remove(of key: Key, where isIt: (Element) -> Bool) {
        // Entries that give up have usually waited longest.
        guard let index = lines[key]?.firstIndex(where: isIt) else { return }
        lines[key]?.remove(at: index)
        taken(from: key)
    }

    private mutating func taken(from key: Key) {
        count -= 1
        guard lines[key]?.isEmpty == true else { return }
        emptyLines += 1
        // Clients that have given up must not be remembered until all before them have been served.
        guard emptyLines > 64, emptyLines > lines.count / 2 else { return }
        lines = lines.filter { !$0.value.isEmpty }
        turns = CircularBuffer(turns.filter { lines[$0] != nil })
        emptyLines = 0
    }
}

import MartletTesting
import Testing

@testable import Accounts

@Suite struct HashingQueueTests {
    private func stranger(_ name: String) -> LoginSource { LoginSource(name: name, isKnown: false) }

    @Test func servesSourcesInTurn() {
        var queue = HashingQueue<String>(capacity: 32)
        for number in 0..<20 { #expect(queue.add("flood \(number)", from: stranger("a")) == nil) }
        #expect(queue.add("other", from: stranger("b")) == nil)
        #expect(queue.next() == "flood 0")
        #expect(queue.next() == "other")
        #expect(queue.next() == "flood 1")
    }

    @Test func dropsFromTheLongestQueue() {
        var queue = HashingQueue<String>(capacity: 4)
        for number in 0..<4 { #expect(queue.add("flood \(number)", from: stranger("a")) == nil) }
        #expect(queue.add("flood 4", from: stranger("a")) == "flood 4")
        #expect(queue.add("other", from: stranger("b")) == "flood 3")
        #expect(queue.add("third", from: stranger("c")) == "flood 2")
        // Two, one and one are waiting: no source has two jobs fewer than another.
        #expect(queue.add("more", from: stranger("b")) == "more")
    }

    @Test(arguments: [true, false]) func accountsOfOneNetworkShareATurn(isKnown: Bool) {
        var queue = HashingQueue<String>(capacity: 32)
        func source(_ name: String, in site: String) -> LoginSource {
            LoginSource(name: name, isKnown: isKnown, site: site)
        }
        for number in 0..<32 {
            #expect(queue.add("flood \(number)", from: source("account \(number)", in: "a")) == nil)
        }
        #expect(queue.add("flood 32", from: source("account 32", in: "a")) == "flood 32")
        #expect(queue.add("one", from: source("ada", in: "b")) == "flood 31")
        #expect(queue.add("two", from: source("bob", in: "b")) == "flood 30")
        #expect((0..<4).map { _ in queue.next() } == ["flood 0", "one", "flood 1", "two"])
    }

    @Test func networksOfASiteShareItsTurn() {
        var queue = HashingQueue<String>(capacity: 4)
        func source(_ name: String) -> LoginSource { LoginSource(name: name, isKnown: true, site: "proxy") }
        for number in 0..<4 { #expect(queue.add("flood \(number)", from: source("a")) == nil) }
        #expect(queue.add("other", from: source("b")) == "flood 3")
        #expect(queue.next() == "flood 0")
        #expect(queue.next() == "other")
    }

    @Test func manyNetworksOfOneSiteShareATurn() {
        var queue = HashingQueue<String>(capacity: 32)
        for number in 0..<32 {
            #expect(queue.add("flood \(number)", from: .stranger("2001:db8:1:\(number)::1")) == nil)
        }
        #expect(queue.add("one", from: .stranger("2001:db8:2::1")) == "flood 31")
        #expect(queue.add("two", from: .stranger("198.51.100.1")) == "flood 30")
        #expect((0..<3).map { _ in queue.next() } == ["flood 0", "one", "two"])
    }

    @Test func knownAndUnknownSourcesBothProgress() {
        var queue = HashingQueue<String>(capacity: 8)
        for number in 0..<8 {
            #expect(queue.add("known", from: LoginSource(name: "known \(number)", isKnown: true)) == nil)
            #expect(queue.add("stranger", from: stranger("\(number)")) == nil)
        }
        let first = (0..<8).compactMap { _ in queue.next() }
        #expect(first.count { $0 == "known" } == 6)
        #expect(first.count { $0 == "stranger" } == 2)
        #expect((0..<8).compactMap { _ in queue.next() }.count == 8)
        #expect(queue.next() == nil)
    }

    @Test(.seeded, arguments: 0..<20) func losesAndDuplicatesNothing(round: UInt64) {
        var generator = SeededRandom(seed: SeededRandom.seedOfRun &+ round)
        func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
        var queue = HashingQueue<Int>(capacity: 6)
        var waiting: Set<Int> = []
        for number in 0..<400 {
            if random(3) < 2 {
                waiting.insert(number)
                let source = LoginSource(
                    name: "\(random(5))", isKnown: random(2) == 0, site: "\(random(3))")
                if let refused = queue.add(number, from: source) { #expect(waiting.remove(refused) != nil) }
                #expect(waiting.count <= 12)
            } else if let next = queue.next() {
                #expect(waiting.remove(next) != nil)
            } else {
                #expect(waiting.isEmpty)
            }
        }
    }
}

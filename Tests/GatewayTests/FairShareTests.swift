import MartletTesting
import NIOCore
import Testing

@testable import Gateway

@Suite struct FairQueueTests {
    @Test func clientsTakeTurns() {
        var queue = FairQueue<String, Int>()
        for number in 0..<1000 { queue.append(number, of: "many") }
        queue.append(5000, of: "one")
        queue.append(6000, of: "other")
        var first: [Int] = []
        for _ in 0..<5 { if let next = queue.popFirst() { first.append(next) } }
        #expect(first == [0, 5000, 6000, 1, 2])
        #expect(queue.count == 997 && queue.count(of: "many") == 997 && queue.count(of: "one") == 0)
    }

    @Test func abandonedEntriesLeaveNoGap() {
        var queue = FairQueue<Int, Int>()
        for client in 0..<5000 { queue.append(client, of: client) }
        for client in 0..<4999 { queue.remove(of: client) { $0 == client } }
        queue.append(7, of: 7)
        let (first, second, third) = (queue.popFirst(), queue.popFirst(), queue.popFirst())
        // It lost its old turn: it comes after those that have waited since.
        #expect(Set([first, second]) == [4999, 7] && third == nil)
        #expect(queue.count == 0 && queue.counts.isEmpty)
    }

    @Test func findsTheLongestQueue() {
        var queue = FairQueue<String, Int>()
        queue.append(1, of: "a")
        for number in 2..<5 { queue.append(number, of: "b") }
        #expect(queue.longest?.key == "b" && queue.longest?.count == 3)
        let last = queue.popLast(of: "b")
        #expect(last == 4 && queue.count == 3)
    }

    /// No waiter is lost under random operations.
    @Test(.seeded) func keepsCountsUnderRandomOperations() {
        var random = SeededRandom()
        var queue = FairQueue<Int, Int>()
        var waiting: [Int: [Int]] = [:]
        for number in 0..<20_000 {
            let client = Int.random(in: 0..<200, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                queue.append(number, of: client)
                waiting[client, default: []].append(number)
            case 2:
                guard let one = waiting[client]?.randomElement(using: &random) else { continue }
                queue.remove(of: client) { $0 == one }
                waiting[client]?.removeAll { $0 == one }
            default:
                guard let next = queue.popFirst() else { continue }
                let owner = waiting.first { $0.value.first == next }?.key
                #expect(owner != nil)
                if let owner { waiting[owner]?.removeFirst() }
            }
            #expect(queue.count == waiting.values.reduce(0) { $0 + $1.count })
        }
    }
}

@Suite struct FairShareTests {
    private func holding(_ key: String, isSlow: Bool = true, since: UInt64 = 0) -> FairShare.Holding<String> {
        .init(key: key, isSlow: isSlow, since: .uptimeNanoseconds(since))
    }

    @Test func clientKeepsHalfWhenAnotherWaits() {
        let all = (0..<8).map { holding("a", since: UInt64(8 - $0)) }
        let positions = FairShare.givingWay(all, waiting: ["b": 20], limit: 8)
        // Those held for longest, and no more than the other client's share.
        #expect(positions == [7, 6, 5, 4])
    }

    @Test func takesNothingWithoutNeed() {
        let all = (0..<8).map { _ in holding("a") }
        #expect(FairShare.givingWay(all, waiting: [:], limit: 8).isEmpty)
        #expect(FairShare.givingWay(all, waiting: ["b": 1], limit: 8).count == 1)
        // A client's own requests may wait.
        #expect(FairShare.givingWay(all, waiting: ["a": 5], limit: 8).isEmpty)
    }

    @Test func sparesClientsWithinTheirShare() {
        let busy = (0..<8).map { _ in holding("a", isSlow: false) }
        #expect(FairShare.givingWay(busy, waiting: ["b": 8], limit: 8).isEmpty)
        let many = (0..<8).map { holding("\($0)") }
        #expect(FairShare.givingWay(many, waiting: ["b": 8], limit: 8).isEmpty)
    }

    @Test func holdsSeveralClientsToTheirShares() {
        let all = (0..<9).map { holding($0 % 2 == 0 ? "a" : "b") }
        let positions = FairShare.givingWay(all, waiting: ["c": 9], limit: 9)
        #expect(positions.count == 3)
        let left = Set(all.indices).subtracting(positions)
        #expect(left.count { all[$0].key == "a" } == 3 && left.count { all[$0].key == "b" } == 3)
    }

    @Test func paceCoversTheLastSeconds() {
        func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }
        var pace = Pace(at(0))
        let isYoung = pace.isSlow(at(0) + .milliseconds(900))
        #expect(!isYoung)
        var slow = pace.isSlow(at(2))
        #expect(slow)
        pace.passed(1 << 20)
        slow = pace.isSlow(at(3))
        #expect(!slow)
        // A burst is forgotten after several nearly idle seconds.
        for second in 4..<60 { slow = pace.isSlow(at(Int64(second))) }
        #expect(slow)
        for second in 60..<70 {
            pace.passed(20_000)
            slow = pace.isSlow(at(Int64(second)))
        }
        #expect(!slow)
    }
}

@Suite struct RetryFloorTests {
    @Test func allowsTenInTenSecondsAtAnyTraffic() {
        func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }
        var floor = RetryFloor()
        func taken(_ time: NIODeadline) -> Int { (0..<100).count { _ in floor.takeRetry(time) } }
        #expect(taken(at(0)) == 10)
        #expect(taken(at(0)) == 0)
        #expect(taken(at(5)) == 5)
        #expect(taken(at(1000)) == 10)
        // A clock that seems to go back refills nothing. Event loops read it at different times.
        #expect(taken(at(999)) == 0)
    }
}

@Suite struct KeepAliveTests {
    private func idle(_ text: String) -> TimeAmount? { Array(text.utf8).withUnsafeBytes { KeepAliveField.idle($0) } }

    @Test func staysBelowTheUpstreamsTimeout() {
        #expect(idle("timeout=5, max=100") == .seconds(4))
        #expect(idle("max=3,TIMEOUT=2") == .seconds(1))
        #expect(idle("timeout=1") == .milliseconds(500))
        #expect(idle("timeout=0") == .zero)
        #expect(idle("timeout=99999999999999999999999999") == .seconds(86_399))
        for text in ["", "max=5", "timeout=", "timeout=x", "timeout=-1", "xtimeout=5"] {
            #expect(idle(text) == nil, "\(text)")
        }
    }
}

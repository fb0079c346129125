import MartletCore
import Testing

@testable import MartletDiscovery

@Suite struct SettlingListTests {
    private let start = ContinuousClock.now
    private let list = List()

    /// Expectations cannot hold calls that mutate a value.
    private final class List {
        private var list = SettlingList<ContinuousClock.Instant>(settling: .seconds(1), emptyHold: .seconds(30))

        func receive(_ endpoints: [DiscoveredEndpoint], _ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
            list.receive(endpoints, now)
        }

        func settle(_ now: ContinuousClock.Instant) -> [DiscoveredEndpoint]? { list.settle(now) }

        func fail() { list.fail() }
    }

    private func endpoints(_ ports: Int...) -> [DiscoveredEndpoint] {
        ports.map { DiscoveredEndpoint(.tcp(host: "h", port: $0)) }
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func acceptsTheFirstListAtOnce() {
        #expect(list.receive(endpoints(2, 1, 1), at(0)) == at(0))
        #expect(list.settle(at(0)) == endpoints(1, 2))
        #expect(list.settle(at(0)) == nil)
        // The same list again changes nothing.
        #expect(list.receive(endpoints(1, 2), at(1)) == nil)
    }

    @Test func mergesChangesCloseTogether() {
        _ = list.receive(endpoints(1), at(0))
        _ = list.settle(at(0))
        #expect(list.receive(endpoints(1, 2), at(10)) == at(11))
        #expect(list.receive(endpoints(1, 2, 3), at(10.5)) == at(11))
        #expect(list.settle(at(10.9)) == nil)
        #expect(list.settle(at(11)) == endpoints(1, 2, 3))
    }

    @Test func ignoresARevertedChange() {
        _ = list.receive(endpoints(1), at(0))
        _ = list.settle(at(0))
        _ = list.receive(endpoints(2), at(1))
        #expect(list.receive(endpoints(1), at(1.5)) == nil)
        #expect(list.settle(at(5)) == nil)
    }

    @Test func holdsBackAnEmptyList() {
        _ = list.receive(endpoints(1), at(0))
        _ = list.settle(at(0))
        #expect(list.receive([], at(10)) == at(40))
        // Repeating the list does not extend the wait.
        #expect(list.receive([], at(20)) == nil)
        #expect(list.settle(at(39)) == nil)
        #expect(list.settle(at(40)) == [])
        // A list that is no longer empty is not held back.
        #expect(list.receive(endpoints(1), at(50)) == at(51))
    }

    @Test func ignoresABriefAbsence() {
        _ = list.receive(endpoints(1), at(0))
        _ = list.settle(at(0))
        _ = list.receive([], at(10))
        #expect(list.receive(endpoints(2), at(15)) == at(16))
        #expect(list.settle(at(16)) == endpoints(2))
        #expect(list.settle(at(60)) == nil)
    }

    @Test func forgetsAnEmptyListWhenTheRegistryFails() {
        _ = list.receive(endpoints(1), at(0))
        _ = list.settle(at(0))
        _ = list.receive([], at(10))
        list.fail()
        #expect(list.settle(at(40)) == nil)
        // When reported again, it is held back for the full time again.
        #expect(list.receive([], at(50)) == at(80))
        #expect(list.settle(at(80)) == [])
        // Other lists still take effect.
        _ = list.receive(endpoints(2), at(90))
        list.fail()
        #expect(list.settle(at(91)) == endpoints(2))
    }

    @Test func initialEndpointsAreKeptLikeAList() {
        var list = SettlingList<ContinuousClock.Instant>(
            settling: .seconds(1), emptyHold: .seconds(30), known: endpoints(2, 1))
        let due = [list.receive(endpoints(1, 2), at(0)), list.receive([], at(1)), list.receive(endpoints(1), at(2))]
        #expect(due == [nil, at(31), at(3)])
    }

    @Test func limitsTheList() throws {
        let many = (1...5000).map { DiscoveredEndpoint(.tcp(host: "h", port: $0)) }
        _ = list.receive(many, at(0))
        #expect(try #require(list.settle(at(0))).count == 1000)
    }

    @Test func keepsWeightProportions() {
        #expect(DiscoveredEndpoint.scaled([0, 1, 3]) == [1, 1, 3])
        #expect(DiscoveredEndpoint.scaled([65_535, 0, 32_768]) == [100, 1, 50])
        #expect(DiscoveredEndpoint.scaled([]) == [])
    }

    @Test(arguments: [
        "a b", "a\r\nX: y", "a/b", "", String(repeating: "a", count: 254), "é", "0xA9FEA9FE", "2852039166", "127.1",
        "1.2.3.0x4", "a:b", ".",
    ])
    func rejectsInvalidHosts(_ host: String) {
        #expect(DiscoveredEndpoint(host: host, port: 80) == nil)
        #expect(DiscoveredEndpoint(host: "h", port: 0) == nil)
        #expect(DiscoveredEndpoint(host: "h", port: 65_536) == nil)
        #expect(DiscoveredEndpoint(host: "fd00::1", port: 1)?.endpoint == .tcp(host: "fd00::1", port: 1))
    }
}

import NIOCore
import Testing

@testable import Gateway

/// Counts the worst-case work of finding a route or an endpoint.
@Suite struct RoutingCostTests {
    private func key(_ path: String, isPrefix: Bool = true) throws -> RouteKey {
        try RouteKey(.init(isPrefix ? .prefix(path) : .exact(path), action: .respond(.init())))
    }

    /// The number of routes checked for a match.
    private func asked(_ table: RouteTable, _ path: String) -> Int {
        var count = 0
        Array(path.utf8).withUnsafeBytes { bytes in
            _ = table.match(bytes) { _ in
                count += 1
                return false
            }
        }
        return count
    }

    @Test func checksOnlyRoutesOnThePath() throws {
        let many = RouteTable(try (0..<5000).map { try key("/api/\($0)") } + [try key("/")])
        #expect(asked(many, "/api/77/x/y") == 2)
        #expect(asked(many, "/" + String(repeating: "a/", count: 4000)) == 1)
        #expect(asked(many, String(repeating: "/", count: 8000)) == 1)
        #expect(asked(many, "/api/" + String(repeating: "7", count: 8000)) == 1)
    }

    @Test func deepPathsCheckABoundedNumberOfRoutes() throws {
        // A route at every depth, which is unrealistic.
        let paths = (1...1000).map { String(repeating: "/a", count: $0) }
        let table = RouteTable(try paths.map { try key($0) })
        #expect(asked(table, String(repeating: "/a", count: 4000)) <= 65)
    }

    @Test func pathsAreReadOnce() throws {
        let table = RouteTable(
            try ["/a/{x}/b", "/a/{x}/{y}", "/{z}"].map { path in
                try RouteKey(.init(.template(path), action: .respond(.init())))
            })
        #expect(asked(table, "/" + String(repeating: "a/", count: 4000)) <= 3)
    }

    @Test(arguments: [GatewayConfiguration.Balance.roundRobin, .leastConnections, .peakEWMA, .consistentHash(.client)])
    func balancingCostIsLinearInEndpoints(balance: GatewayConfiguration.Balance) {
        let count = 2000
        var balancer = Balancer(balance, endpoints: (0..<count).map { ("http://10.0.0.\($0):1", 1 + $0 % 100) })
        var random = FastRandom(seed: 1)
        for available in [0, 1, count] {
            var asked = 0
            let choice = balancer.choose(
                key: 0xFFFF_FFFF_FFFF_FFFF, now: .uptimeNanoseconds(0), random: &random, inFlight: { _ in 0 },
                isAvailable: { index in
                    asked += 1
                    // Only the last ones: the worst case for a search in order.
                    return index >= count - available
                })
            #expect((choice == nil) == (available == 0))
            #expect(asked <= 3 * count, "\(balance) \(available): \(asked)")
        }
    }
}

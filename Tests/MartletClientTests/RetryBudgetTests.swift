import MartletTesting
import Testing

@testable import MartletClient

@Suite struct RetryBudgetTests {
    @Test func allowsATenthOfTheCallsAndAReserve() {
        let clock = TestClock()
        let budget = RetryBudget(clock: clock.monotonicClock)
        func taken() -> Int { (0..<1000).count { _ in budget.takeRetry() } }
        #expect(taken() == 10)
        for _ in 0..<50 { budget.callStarted() }
        #expect(taken() == 5)
        clock.advance(bySeconds: 3)
        #expect(taken() == 3)
        // Neither savings nor the reserve grow without bound.
        for _ in 0..<10_000 { budget.callStarted() }
        clock.advance(bySeconds: 10_000)
        #expect(taken() == 20)
    }
}

import MartletCore
import Testing

@Suite struct BackoffTests {
    private struct Fixed: RandomNumberGenerator {
        let value: UInt64
        func next() -> UInt64 { value }
    }

    @Test func doublesUpToMaximum() {
        let backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(2))
        let waits = (0...8).map { backoff.wait(after: $0) }
        #expect(waits == [50, 50, 100, 200, 400, 800, 1600, 2000, 2000].map { .milliseconds($0) })
        #expect(backoff.wait(after: .max) == .seconds(2) && backoff.wait(after: .min) == .milliseconds(50))
    }

    @Test func doesNotOverflow() {
        let longest = Duration.nanoseconds(Int64.max)
        #expect(Backoff(initial: longest, maximum: longest).wait(after: .max) == longest)
        #expect(Backoff(initial: longest, maximum: .seconds(1)).wait(after: 1) == .seconds(1))
        #expect(Backoff(initial: .zero, maximum: .seconds(1)).wait(after: 9) == .zero)
    }

    @Test func randomizesHalf() {
        let backoff = Backoff(initial: .seconds(1), maximum: .seconds(4))
        var (low, high) = (Fixed(value: 0), Fixed(value: .max))
        #expect(backoff.jitteredWait(after: 2, using: &low) == .seconds(1))
        let longest = backoff.jitteredWait(after: 2, using: &high)
        #expect(longest > .milliseconds(1999) && longest <= .seconds(2))
    }

    @Test func growsUntilReset() {
        var backoff = Backoff(initial: .seconds(1), maximum: .seconds(4))
        for whole in [1, 2, 4, 4, 4] {
            let wait = backoff.next()
            #expect(wait >= .milliseconds(500 * whole) && wait <= .seconds(whole), "\(wait)")
        }
        backoff.reset()
        #expect(backoff.next() <= .seconds(1))
    }
}

import MartletSystem

/// Processor time, which other processes of a busy machine do not lengthen as they do wall time.
public enum CPUTime {
    /// What the calling thread spends on `body`.
    public static func ofThread(_ body: () throws -> Void) rethrows -> Duration {
        let start = read(CLOCK_THREAD_CPUTIME_ID)
        try body()
        return read(CLOCK_THREAD_CPUTIME_ID) - start
    }

    /// How many times as long the thread works on `large` as on `small`.
    ///
    /// Each is repeated until it takes long enough to be measured, and of several measurements the shortest counts, as
    /// nothing makes work shorter than it is.
    public static func ratio(of large: () throws -> Void, to small: () throws -> Void) rethrows -> Double {
        let count = try repetitions(small)
        var (shortest, longest) = (Duration.seconds(3600), Duration.seconds(3600))
        for _ in 0..<5 {
            shortest = min(shortest, try ofThread { for _ in 0..<count { try small() } } / count)
            longest = min(longest, try ofThread { for _ in 0...count / 8 { try large() } } / (count / 8 + 1))
        }
        return longest / max(shortest, .nanoseconds(1))
    }

    /// By how much work outgrows its input, which is eight times as large the second time: 1 for work in proportion to the
    /// input, 8 for work in proportion to its square. Far enough apart to say at 3 which of them it is.
    public static func growth(at size: Int, _ body: (_ size: Int) throws -> Void) rethrows -> Double {
        try ratio(of: { try body(size * 8) }, to: { try body(size) }) / 8
    }

    /// As ``growth(at:_:)``, by the time of all threads, as a task may change from one to another.
    public static func growthOfProcess(
        at size: Int, _ body: (_ size: Int) async throws -> Void
    ) async rethrows -> Double {
        let small = try await ofProcess(size, body)
        return try await ofProcess(size * 8, body) / max(small, .nanoseconds(1)) / 8
    }

    private static func ofProcess(_ size: Int, _ body: (_ size: Int) async throws -> Void) async rethrows -> Duration {
        var shortest = Duration.seconds(3600)
        for _ in 0..<5 {
            let start = read(CLOCK_PROCESS_CPUTIME_ID)
            for _ in 0..<10 { try await body(size) }
            shortest = min(shortest, read(CLOCK_PROCESS_CPUTIME_ID) - start)
        }
        return shortest
    }

    /// As many as take two milliseconds.
    private static func repetitions(_ body: () throws -> Void) rethrows -> Int {
        var count = 1
        while try ofThread({ for _ in 0..<count { try body() } }) < .milliseconds(2), count < 1 << 20 { count *= 2 }
        return count
    }

    private static func read(_ clock: clockid_t) -> Duration {
        var time = timespec()
        clock_gettime(clock, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero; clamped.
    package var milliseconds: Int64 { whole(perSecond: 1000) }

    /// Whole microseconds, rounded towards zero; clamped.
    package var microseconds: Int64 { whole(perSecond: 1_000_000) }

    private func whole(perSecond count: Int64) -> Int64 {
        let (seconds, attoseconds) = components
        let (product, isTooMuch) = seconds.multipliedReportingOverflow(by: count)
        guard !isTooMuch else { return seconds < 0 ? .min : .max }
        let (sum, overflows) = product.addingReportingOverflow(attoseconds / (1_000_000_000_000_000_000 / count))
        return overflows ? (seconds < 0 ? .min : .max) : sum
    }
}

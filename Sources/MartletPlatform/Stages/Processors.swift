import Foundation
import NIOCore

/// The processors this process may use: no more than its container is given, and no more than it is pinned to
/// (`taskset`, a Kubernetes static CPU policy). An event loop more than that only makes the others wait for it.
func availableProcessors() -> Int {
    max(1, min(System.coreCount, pinnedProcessors() ?? .max))
}

/// The processors in the scheduler's mask, as proc(5) tells it in hexadecimal: `Cpus_allowed:	3`. Nil elsewhere than on
/// Linux. (Foundation counts those that are there; sched_getaffinity(2) is not in Swift's Glibc.)
private func pinnedProcessors() -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
    else { return nil }
    let digits = line.drop { $0 != "\t" }.compactMap(\.hexDigitValue)
    return digits.reduce(0) { $0 + $1.nonzeroBitCount }
}

import Foundation
import NIOCore

/// The number of processors this process may use, limited by its container and by its CPU affinity (`taskset`, a
/// Kubernetes static CPU policy). Additional event loops would only make the others wait.
func availableProcessors() -> Int {
    max(1, min(System.coreCount, pinnedProcessors() ?? .max))
}

/// The processors in the scheduler's mask, which proc(5) shows in hexadecimal: `Cpus_allowed:      3`. nil on systems
/// other than Linux. Foundation counts all processors of the machine, and Swift's Glibc lacks sched_getaffinity(2).
private func pinnedProcessors() -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
    else { return nil }
    let digits = line.drop { $0 != "\t" }.compactMap(\.hexDigitValue)
    return digits.reduce(0) { $0 + $1.nonzeroBitCount }
}

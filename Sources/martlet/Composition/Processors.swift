import Foundation
import NIOCore

/// The processors this process may use: no more than its container is given, and no more than it is pinned to
/// (`taskset`, a Kubernetes static CPU policy). An event loop more than that only makes the others wait for it.
func availableProcessors() -> Int {
    max(1, min(System.coreCount, ProcessInfo.processInfo.activeProcessorCount))
}

import Dispatch
import MartletSystem
import Synchronization

/// Writes lines to a descriptor from its own thread, so that logging never blocks on the reader.
///
/// The buffer is bounded. Lines that do not fit are dropped and counted; once there is room again, a line reports how
/// many were dropped.
public final class LogWriter: Sendable {
    private struct State {
        var waiting: [[UInt8]] = []
        /// The bytes of ``waiting`` and of the lines being written.
        var size = 0
        var dropped = 0
        var isWriting = false
    }

    private let descriptor: Int32
    private let capacity: Int
    private let report: @Sendable (Int) -> [UInt8]
    private let onDrop: @Sendable () -> Void
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "martlet.log", qos: .utility)

    /// - Parameters:
    ///   - descriptor: the file descriptor to write to. It is never closed. Default: standard error.
    ///   - capacity: the maximum number of waiting bytes. Default: 4 MiB.
    ///   - onDrop: called for each dropped line, on the thread that logged it.
    ///   - report: returns the line, with its newline, that reports the number of dropped lines.
    public init(
        descriptor: Int32 = 2, capacity: Int = 4 << 20,
        onDrop: @escaping @Sendable () -> Void = {}, report: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.onDrop = onDrop
        self.report = report
    }

    /// Writes a complete line with its newline. Never blocks.
    public func write(_ line: [UInt8]) {
        let (isKept, starts) = state.withLock { state -> (Bool, Bool) in
            guard line.count <= capacity - state.size else {
                state.dropped += 1
                return (false, false)
            }
            state.waiting.append(line)
            state.size += line.count
            defer { state.isWriting = true }
            return (true, !state.isWriting)
        }
        if !isKept { onDrop() }
        if starts { queue.async { [self] in drain() } }
    }

    /// Waits until all lines logged so far are written. Call it before the process exits.
    /// - Parameter limit: the longest time to wait for the reader, in seconds.
    /// - Returns: whether all lines were written.
    @discardableResult
    public func flush(within limit: Double) -> Bool {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        return done.wait(timeout: .now() + limit) == .success
    }

    private func drain() {
        while true {
            let (lines, dropped) = state.withLock { state -> ([[UInt8]], Int) in
                defer {
                    state.waiting = []
                    state.dropped = 0
                }
                if state.waiting.isEmpty, state.dropped == 0 { state.isWriting = false }
                return (state.waiting, state.dropped)
            }
            guard !lines.isEmpty || dropped > 0 else { return }
            for line in lines {
                put(line)
                state.withLock { $0.size -= line.count }
            }
            if dropped > 0 { put(report(dropped)) }
        }
    }

    /// Writes a line with a single `write`, so that lines of several processes do not mix. Drops it on an error.
    private func put(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count, let start = bytes.baseAddress {
                let count = MartletSystem.write(descriptor, start + written, bytes.count - written)
                if count > 0 {
                    written += count
                } else if errno == EAGAIN {
                    // Another process that shares the terminal has made it non-blocking.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&ready, 1, -1)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}

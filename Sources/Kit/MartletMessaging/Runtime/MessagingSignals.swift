import Synchronization

/// Hints within the process and, if there are others, for them. What a hint misses is found by a poll.
final class MessagingSignals: Sendable {
    let relay = Signal()
    let coordinator = Signal()
    let lastChances = Signal()
    /// Wakes the task that tells other processes.
    let others = Signal()
    private let otherInstances = Atomic(false)
    private let queues = Mutex<[String: Signal]>([:])

    /// Whether other processes run the service too.
    var hasOthers: Bool {
        get { otherInstances.load(ordering: .relaxed) }
        set { otherInstances.store(newValue, ordering: .relaxed) }
    }

    /// The signal of a queue's workers.
    func jobs(in queue: String) -> Signal {
        queues.withLock { queues in
            if let signal = queues[queue] { return signal }
            let signal = Signal()
            queues[queue] = signal
            return signal
        }
    }

    /// Whether the service declares the queue.
    func hasQueue(_ name: String) -> Bool { queues.withLock { $0[name] != nil } }

    func eventsEmitted() {
        relay.set()
        others.set()
    }

    func jobsAreReady(in queues: some Sequence<String>) {
        for queue in queues { self.queues.withLock { $0[queue] }?.set() }
        others.set()
    }

    func jobsWereScheduled() {
        coordinator.set()
        others.set()
    }

    /// Another process has something new: look everywhere.
    func lookEverywhere() {
        relay.set()
        coordinator.set()
        lastChances.set()
        lookForJobs()
    }

    func lookForJobs() {
        for signal in queues.withLock({ Array($0.values) }) { signal.set() }
    }
}

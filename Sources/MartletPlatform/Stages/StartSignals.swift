import MartletSystem

/// SIGTERM and SIGINT before the tasks of the stages run and handle them.
enum StartSignals {
    /// Makes the signals end the process at once. The kernel would ignore them in the first process of a container, which
    /// has no default actions. A migration that is cut off is rolled back.
    static func endProcess() {
        for number in [SIGTERM, SIGINT] { signal(number) { _exit(128 + $0) } }
    }
}

/// What a service declares about messages.
public struct MessagingDeclaration: Sendable {
    public var handlers: [Handler]
    public var jobs: [JobKind]
    public var schedules: [Schedule]

    public init(handlers: [Handler] = [], jobs: [JobKind] = [], schedules: [Schedule] = []) {
        self.handlers = handlers
        self.jobs = jobs
        self.schedules = schedules
    }

    /// Checks what the compiler cannot.
    /// - Parameter published: the types of all events that services of the platform publish.
    /// - Throws: ``MessagingError/invalidDeclaration(_:)`` for the first error.
    func validate(service: String, published: Set<String>) throws(MessagingError) {
        func fail(_ message: String) -> MessagingError { .invalidDeclaration("\(service): \(message)") }
        if let twice = firstRepeated(handlers.map(\.kind.name)) { throw fail("two handlers of '\(twice)'") }
        if let twice = firstRepeated(jobs.map(\.name)) { throw fail("two jobs of the kind '\(twice)'") }
        if let twice = firstRepeated(schedules.map(\.name)) { throw fail("two schedules called '\(twice)'") }
        for handler in handlers where !published.contains(handler.kind.name) && !handler.event.isPublishedOutside {
            throw fail("no service publishes the event '\(handler.kind.name)'")
        }
        for handler in handlers where handler.event.isPublishedOutside && published.contains(handler.kind.name) {
            throw fail("the event '\(handler.kind.name)' is published by a service, not outside")
        }
        let kinds = jobs + handlers.map(\.kind)
        for kind in kinds {
            guard !kind.name.isEmpty else { throw fail("a job needs a kind") }
            guard kind.queue.wholeMatch(of: #/[a-z0-9_.-]{1,100}/#) != nil else {
                throw fail("the queue '\(kind.queue)' needs a name of a to z, 0 to 9, and _ . -")
            }
            guard kind.attempts >= 1 else { throw fail("'\(kind.name)' needs at least one attempt") }
            guard kind.timeout > .zero else { throw fail("'\(kind.name)' needs a timeout above zero") }
            guard kind.rate.map({ $0.count >= 1 }) ?? true else {
                throw fail("'\(kind.name)' needs a rate of at least 1")
            }
            guard kind.concurrency.map({ $0 >= 1 }) ?? true else {
                throw fail("the queue '\(kind.queue)' needs a concurrency of at least 1")
            }
        }
        for (queue, kinds) in Dictionary(grouping: kinds, by: \.queue)
        where Set(kinds.compactMap(\.concurrency)).count > 1 {
            throw fail("the queue '\(queue)' is declared with two concurrencies")
        }
        for schedule in schedules where !jobs.contains(where: { $0.name == schedule.kind }) {
            throw fail("the schedule '\(schedule.name)' runs '\(schedule.kind)', which is not among the jobs")
        }
    }

    private func firstRepeated(_ names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}

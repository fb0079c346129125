import CPostgres
import MartletSystem

#if !os(Linux)
    import Synchronization
#endif

#if os(Linux)
    /// Waits for many sockets with level-triggered epoll.
    struct Poller: Sendable {
        private let epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        private let bell = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))

        init() { add(bell, id: 0) }

        func add(_ descriptor: CInt, id: UInt64) { control(EPOLL_CTL_ADD, descriptor, id, forOutput: false) }
        func remove(_ descriptor: CInt) { control(EPOLL_CTL_DEL, descriptor, 0, forOutput: false) }

        func watch(_ descriptor: CInt, id: UInt64, forOutput: Bool) {
            control(EPOLL_CTL_MOD, descriptor, id, forOutput: forOutput)
        }

        /// Makes ``wait(milliseconds:)`` return.
        func interrupt() { eventfd_write(bell, 1) }

        /// - Returns: the ids of the sockets that are ready.
        func wait(milliseconds: CInt) -> [UInt64] {
            withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
                let count = epoll_wait(epoll, events.baseAddress, 64, milliseconds)
                var ids: [UInt64] = []
                for index in 0..<max(0, Int(count)) {
                    let id = events[index].data.u64
                    if id != 0 {
                        ids.append(id)
                    } else {
                        var rings: eventfd_t = 0
                        eventfd_read(bell, &rings)
                    }
                }
                return ids
            }
        }

        private func control(_ operation: CInt, _ descriptor: CInt, _ id: UInt64, forOutput: Bool) {
            var event = epoll_event()
            event.events = EPOLLIN.rawValue | (forOutput ? EPOLLOUT.rawValue : 0)
            event.data.u64 = id
            epoll_ctl(epoll, operation, descriptor, &event)
        }
    }
#else
    /// Waits for many sockets with poll, on systems used for development only.
    final class Poller: Sendable {
        private struct Entry {
            let id: UInt64
            var events: Int16
        }

        private let entries = Mutex<[CInt: Entry]>([:])

        func add(_ descriptor: CInt, id: UInt64) {
            entries.withLock { $0[descriptor] = Entry(id: id, events: Int16(POLLIN)) }
        }

        func remove(_ descriptor: CInt) { entries.withLock { $0[descriptor] = nil } }

        func watch(_ descriptor: CInt, id: UInt64, forOutput: Bool) {
            entries.withLock { $0[descriptor]?.events = Int16(forOutput ? POLLIN | POLLOUT : POLLIN) }
        }

        /// Does nothing: ``wait(milliseconds:)`` returns within 5 milliseconds.
        func interrupt() {}

        /// - Returns: the ids of the sockets that are ready.
        func wait(milliseconds: CInt) -> [UInt64] {
            let entries = entries.withLock { $0 }
            var descriptors = entries.map { pollfd(fd: $0.key, events: $0.value.events, revents: 0) }
            guard poll(&descriptors, nfds_t(descriptors.count), 5) > 0 else { return [] }
            return descriptors.filter { $0.revents != 0 }.compactMap { entries[$0.fd]?.id }
        }
    }
#endif

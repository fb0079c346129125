import Synchronization

/// A value that the tasks of a test share.
public final class Shared<Value: Sendable>: Sendable {
    fileprivate let mutex: Mutex<Value>

    public init(_ value: Value) { mutex = Mutex(value) }

    public var value: Value { mutex.withLock { $0 } }

    public func set(_ value: Value) { mutex.withLock { $0 = value } }

    public func change(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

extension Shared<Int> {
    /// Counts one more.
    @discardableResult
    public func next() -> Int {
        mutex.withLock {
            $0 += 1
            return $0
        }
    }
}

/// The description and the mirror omit user and password, so that they do not appear in logs.
extension RedisLocation: CustomDebugStringConvertible, CustomReflectable {
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port, "database": database]) }
}

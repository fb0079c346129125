/// Without user and password, also where all that a value holds is printed.
extension RedisLocation: CustomDebugStringConvertible, CustomReflectable {
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port, "database": database]) }
}

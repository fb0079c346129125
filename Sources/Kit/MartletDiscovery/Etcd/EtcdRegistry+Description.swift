/// Descriptions and the mirror omit user, password and keys, so that they do not appear in logs.
extension EtcdRegistry: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { hosts.joined(separator: ",") }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["hosts": hosts]) }
}

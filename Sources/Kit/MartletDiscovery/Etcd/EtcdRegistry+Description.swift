/// For logs: without user, password and keys, also where all that a value holds is printed.
extension EtcdRegistry: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { hosts.joined(separator: ",") }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["hosts": hosts]) }
}

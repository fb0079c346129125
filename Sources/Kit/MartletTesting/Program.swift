public import MartletSystem

/// Programs that tests start.
///
/// Not Foundation's `Process`, which learns of the end of a program by a descriptor: servers such as dnsmasq close it, and
/// servers that the program has started keep it open.
public enum Program {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Starts a program, without input and output. Whoever starts it waits for its end.
    /// - Parameter words: the program, looked up in `PATH`, and its arguments.
    /// - Throws: ``Failure`` when it cannot be started.
    public static func spawn(_ words: [String]) throws -> pid_t {
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in CInt(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        // Whatever the thread that starts it does not want to hear.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var process = pid_t()
        let code = posix_spawnp(&process, words.first ?? "", &actions, &attributes, &arguments, environ)
        guard code == 0 else {
            throw Failure(description: "\(words.first ?? "") cannot be started: \(String(cString: strerror(code)))")
        }
        return process
    }

    /// Waits on this thread until the process has ended.
    /// - Returns: what `waitpid` says about its end; 0 is success.
    public static func wait(for process: pid_t) -> CInt {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return -1 } }
        return status
    }
}

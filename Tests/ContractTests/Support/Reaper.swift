import Foundation
import Synchronization

/// Cleans up after the run, however it ends: a small separate process with a list of resources, which it removes when
/// the tests exit or crash. It detects this by the end of its input.
final class Reaper: Sendable {
    static let shared = Reaper()

    private let input: FileHandle?

    private init() {
        let pipe = Pipe()
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", Self.script]
        process.standardInput = pipe
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        input = (try? process.run()) == nil ? nil : pipe.fileHandleForWriting
        if let descriptor = input?.fileDescriptor { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        Self.atExit.withLock { $0 = (process, input) }
        atexit {
            guard let (process, input) = Reaper.atExit.withLock({ $0 }) else { return }
            try? input?.close()
            process.waitUntilExit()
        }
    }

    /// Registers a process that must not outlive the tests.
    func watch(process: Int32) { tell("process \(process)") }
    /// Unregisters an ended process, because its id may be reused.
    func forget(process: Int32) { tell("ended \(process)") }
    /// Registers a folder to remove.
    func watch(folder: String) { tell("folder \(folder)") }
    /// Registers a database to drop.
    func watch(database: String, on server: String) { tell("database \(database) \(server)") }

    private static let atExit = Mutex<(Process, FileHandle?)?>(nil)

    private func tell(_ line: String) { try? input?.write(contentsOf: Data("\(line)\n".utf8)) }

    private static let script = """
        trap '' INT TERM HUP
        processes=' '; folders=''; databases=''
        while read -r kind what where; do
            case $kind in
                process) processes="$processes$what " ;;
                ended) processes=$(printf %s "$processes" | sed "s/ $what / /") ;;
                folder) folders="$folders $what" ;;
                database) databases="$databases $what=$where" ;;
            esac
        done
        running() { for process in $processes; do kill -0 "$process" 2>&- && return 0; done; return 1; }
        for process in $processes; do kill -CONT "$process"; kill -TERM "$process"; done
        rounds=0
        while running && [ $rounds -lt 50 ]; do sleep 0.1; rounds=$((rounds + 1)); done
        for process in $processes; do kill -KILL "$process"; done
        for database in $databases; do
            psql -qX "${database#*=}" -c "DROP DATABASE IF EXISTS \\"${database%%=*}\\" WITH (FORCE)"
        done
        for folder in $folders; do rm -rf "$folder"; done
        """
}

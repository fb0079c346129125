import Foundation

/// Where the built console is.
enum ConsoleFolder {
    /// The setting; else `Web/dist` in the current folder or above the program, which is where a build leaves it, or
    /// `share/martlet/console` beside the program's folder, which is where script/install puts it.
    /// - Returns: nil where there is no console.
    static func find(_ setting: String?) -> String? {
        if let setting { return isConsole(setting) ? setting : nil }
        return candidates.first(where: isConsole)
    }

    /// As ``find(_:)``.
    /// - Throws: ``UsageError`` when the setting names a folder without a console.
    static func required(_ setting: String?) throws(UsageError) -> String? {
        let console = find(setting)
        if let setting, console == nil {
            throw UsageError(
                "console_dir: there is no console in '\(setting)', which has no index.html; script/console builds it into Web/dist"
            )
        }
        return console
    }

    private static var candidates: [String] {
        var candidates = ["Web/dist"]
        // Through links: the program may be called by one in a folder of the PATH.
        guard let program = Bundle.main.executableURL?.resolvingSymlinksInPath() else { return candidates }
        let folder = program.deletingLastPathComponent()
        candidates.append(folder.deletingLastPathComponent().appending(path: "share/martlet/console").path)
        // .build/x86_64-unknown-linux-gnu/release/martlet
        var above = folder
        for _ in 0..<4 {
            candidates.append(above.appending(path: "Web/dist").path)
            above = above.deletingLastPathComponent()
        }
        return candidates
    }

    private static func isConsole(_ path: String) -> Bool {
        FileManager.default.isReadableFile(atPath: path + "/index.html")
    }
}

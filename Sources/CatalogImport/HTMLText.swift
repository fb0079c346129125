import MartletCore

/// Extracts the text from a product description in HTML.
enum HTMLText {
    private static let entities = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "#39": "'", "nbsp": " ", "euro": "€",
    ]
    private static let longestEntity = 6
    /// The tags that begin a new line.
    private static let breaks: Set = ["br", "p", "div", "li", "h1", "h2", "h3", "h4", "tr"]

    /// Removes tags, replaces the ends of blocks with line ends, and decodes common entities. One pass.
    static func plain(_ html: String) -> String {
        var text = ""
        var rest = Substring(html).unicodeScalars
        // If no '>' follows, every further '<' is text.
        var hasTags = true
        while let scalar = rest.popFirst() {
            if scalar == "<", hasTags {
                guard let end = rest.firstIndex(of: ">") else {
                    hasTags = false
                    text.unicodeScalars.append(scalar)
                    continue
                }
                let name = rest.prefix(12).drop { $0 == "/" }.prefix {
                    $0.properties.isAlphabetic || ("0"..."9").contains($0)
                }
                let isEnd = rest.first == "/" || name.elementsEqual("br".unicodeScalars)
                if isEnd, breaks.contains(String(name).lowercased()) { text += "\n" }
                rest = rest[rest.index(after: end)...]
            } else if scalar == "&", let end = rest.prefix(longestEntity + 1).firstIndex(of: ";"),
                let meaning = entities[String(rest[..<end])]
            {
                text += meaning
                rest = rest[rest.index(after: end)...]
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text.trimmed
    }
}

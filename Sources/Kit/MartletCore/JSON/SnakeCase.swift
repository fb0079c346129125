extension String {
    /// The name of a Swift property in JSON, queries and columns: `createdAt` becomes `created_at`.
    public var snakeCased: String {
        guard utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else { return self }
        var result = ""
        for character in self {
            if character.isASCII, character.isUppercase {
                result.append("_")
                result.append(character.lowercased())
            } else {
                result.append(character)
            }
        }
        return result
    }
}

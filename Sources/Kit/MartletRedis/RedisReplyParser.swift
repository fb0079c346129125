import CHiredis

/// Parses replies from a stream of bytes with hiredis.
///
/// Custom functions create the values. They count the size of a reply before they allocate it, so that neither a long
/// reply nor an announced length exceeds the limit. hiredis limits the nesting of arrays: to seven or, since 1.0, about
/// a thousand. After an error the stream is unusable.
final class RedisReplyParser {
    private let reader: UnsafeMutablePointer<redisReader>
    private let budget: Budget

    /// - Parameter maximumBytes: the maximum size of a reply, and of unparsed bytes.
    init(maximumBytes: Int) {
        budget = Budget(maximumBytes)
        guard let reader = redisReaderCreateWithFunctions(Self.functions) else {
            // hiredis allocates a few hundred bytes. If that fails, Swift itself would end the process too.
            fatalError("out of memory")
        }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(budget).toOpaque()
    }

    deinit { redisReaderFree(reader) }

    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard let start = bytes.bindMemory(to: CChar.self).baseAddress else { return }
        guard redisReaderFeed(reader, start, bytes.count) == REDIS_OK else { throw invalid }
    }

    /// - Returns: nil when more bytes are needed.
    func next() throws(RedisError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw invalid }
        guard let reply else {
            guard reader.pointee.len - reader.pointee.pos <= budget.maximum else {
                throw .invalidReply("a reply is too long")
            }
            return nil
        }
        budget.spent = 0
        return Unmanaged<Node>.fromOpaque(reply).takeRetainedValue().value
    }

    private var invalid: RedisError {
        .invalidReply(
            withUnsafeBytes(of: &reader.pointee.errstr) { text in
                String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
            })
    }

    // MARK: hiredis' functions

    /// The size so far of the reply being parsed.
    private final class Budget {
        /// The overhead of a value beyond its bytes.
        private static let perValue = 64
        let maximum: Int
        var spent = 0

        init(_ maximum: Int) { self.maximum = maximum }

        func take(_ count: Int, values: Int = 1) -> Bool {
            let (product, overflow) = values.multipliedReportingOverflow(by: Self.perValue)
            guard !overflow, count <= maximum, product <= maximum, spent + count + product <= maximum else {
                return false
            }
            spent += count + product
            return true
        }
    }

    /// A value under construction. hiredis owns the outermost one until it is returned; that one owns the others.
    private final class Node {
        enum Content {
            case value(RedisValue)
            case array([Node])
        }

        var content: Content

        init(_ content: Content) { self.content = content }

        /// Recursive; hiredis bounds the nesting.
        var value: RedisValue {
            switch content {
            case .value(let value): value
            case .array(let nodes): .array(nodes.map(\.value))
            }
        }
    }

    /// Adds a value at the parser's current position.
    /// - Parameters:
    ///   - bytes: the size of the value.
    ///   - elements: the number of elements that it announces.
    /// - Returns: nil when the limit is exceeded, which makes hiredis fail.
    private static func add(
        _ task: UnsafePointer<redisReadTask>?, bytes: Int, elements: Int = 0, _ content: () -> Node.Content
    ) -> UnsafeMutableRawPointer? {
        guard let task, let privdata = task.pointee.privdata else { return nil }
        let budget = Unmanaged<Budget>.fromOpaque(privdata).takeUnretainedValue()
        // Elements are counted when they are announced, so that an announced length cannot exceed the limit.
        let isElement = task.pointee.parent != nil
        guard budget.take(bytes, values: elements + (isElement ? 0 : 1)) else { return nil }
        let node = Node(content())
        guard let parent = task.pointee.parent?.pointee.obj else { return Unmanaged.passRetained(node).toOpaque() }
        let owner = Unmanaged<Node>.fromOpaque(parent).takeUnretainedValue()
        guard case .array(var nodes) = owner.content else { return nil }
        // Release the array first, so that it grows in place.
        owner.content = .array([])
        nodes.append(node)
        owner.content = .array(nodes)
        return Unmanaged.passUnretained(node).toOpaque()
    }

    /// `nonisolated(unsafe)` because it is a pointer. It is written once, before any use, and lives as long as the
    /// process.
    private nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        // The members differ between versions. Set those common to all versions.
        functions.initialize(to: redisReplyObjectFunctions())
        functions.pointee.createString = { task, text, length in
            add(task, bytes: length) {
                let bytes = UnsafeRawBufferPointer(start: text, count: length)
                return switch task?.pointee.type {
                case REDIS_REPLY_ERROR: .value(.error(String(decoding: bytes, as: UTF8.self)))
                case REDIS_REPLY_STATUS: .value(.status(String(decoding: bytes, as: UTF8.self)))
                default: .value(.bytes(Array(bytes)))
                }
            }
        }
        // The count is an Int32 before 1.0 and an Int since.
        functions.pointee.createArray = { task, count in add(task, bytes: 0, elements: Int(count)) { .array([]) } }
        functions.pointee.createInteger = { task, value in add(task, bytes: 0) { .value(.integer(value)) } }
        functions.pointee.createNil = { task in add(task, bytes: 0) { .value(.null) } }
        functions.pointee.freeObject = { object in
            // hiredis frees only the outermost value, which is the one retained.
            if let object { Unmanaged<Node>.fromOpaque(object).release() }
        }
        martlet_refuse_resp3(functions)
        return functions
    }()
}

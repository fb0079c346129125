import CHiredis

/// Takes replies out of a stream of bytes, with hiredis' parser.
///
/// The values are made by functions of our own instead of hiredis': they count what a reply costs before they allocate
/// it, so neither a long reply nor the mere announcement of one takes more than the bound. Arrays nest as deep as hiredis
/// lets them: seven or, from 1.0 on, about a thousand. After an error the stream means nothing any more.
final class RedisReplyParser {
    private let reader: UnsafeMutablePointer<redisReader>
    private let budget: Budget

    /// - Parameter maximumBytes: how much one reply may cost, and how much may wait to become one.
    init(maximumBytes: Int) {
        budget = Budget(maximumBytes)
        guard let reader = redisReaderCreateWithFunctions(Self.functions) else {
            // hiredis allocates a few hundred bytes; Swift itself ends the process where that is impossible.
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

    /// - Returns: nil until more bytes have come.
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

    /// What the reply that is being read has cost so far.
    private final class Budget {
        /// What a value costs beside its bytes.
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

    /// A value that may still grow. hiredis owns the outermost one until it is returned; the others belong to it.
    private final class Node {
        enum Content {
            case value(RedisValue)
            case array([Node])
        }

        var content: Content

        init(_ content: Content) { self.content = content }

        /// Recursion as deep as hiredis allows arrays to nest.
        var value: RedisValue {
            switch content {
            case .value(let value): value
            case .array(let nodes): .array(nodes.map(\.value))
            }
        }
    }

    /// Puts a value where hiredis is.
    /// - Parameters:
    ///   - bytes: what it costs.
    ///   - elements: how many more values it announces.
    /// - Returns: nil when it is beyond the bound; hiredis stops then.
    private static func add(
        _ task: UnsafePointer<redisReadTask>?, bytes: Int, elements: Int = 0, _ content: () -> Node.Content
    ) -> UnsafeMutableRawPointer? {
        guard let task, let privdata = task.pointee.privdata else { return nil }
        let budget = Unmanaged<Budget>.fromOpaque(privdata).takeUnretainedValue()
        // An element pays when it is announced, so that nothing is reserved for what never comes.
        let isElement = task.pointee.parent != nil
        guard budget.take(bytes, values: elements + (isElement ? 0 : 1)) else { return nil }
        let node = Node(content())
        guard let parent = task.pointee.parent?.pointee.obj else { return Unmanaged.passRetained(node).toOpaque() }
        let owner = Unmanaged<Node>.fromOpaque(parent).takeUnretainedValue()
        guard case .array(var nodes) = owner.content else { return nil }
        // Lets go of the array first, so that it grows in place.
        owner.content = .array([])
        nodes.append(node)
        owner.content = .array(nodes)
        return Unmanaged.passUnretained(node).toOpaque()
    }

    /// Unsafe only because it is a pointer: it is written once, before anybody reads it, and lives as long as the process.
    private nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        // Its members differ between versions: those that all have are set here.
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
        // The count is an Int32 before 1.0, and an Int since.
        functions.pointee.createArray = { task, count in add(task, bytes: 0, elements: Int(count)) { .array([]) } }
        functions.pointee.createInteger = { task, value in add(task, bytes: 0) { .value(.integer(value)) } }
        functions.pointee.createNil = { task in add(task, bytes: 0) { .value(.null) } }
        functions.pointee.freeObject = { object in
            // Only ever the outermost one, which is the one that was retained.
            if let object { Unmanaged<Node>.fromOpaque(object).release() }
        }
        martlet_refuse_resp3(functions)
        return functions
    }()
}

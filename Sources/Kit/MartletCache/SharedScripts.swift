/// The scripts with which a cache reads and writes Redis, each atomic.
///
/// Keys: the value, its lease, the generation of the cache and, for a key with a group, the generation of the group. A
/// value is valid only with the generations under which its computation began, so deleting a generation forgets all its
/// values at once. The process that may compute holds the lease; deleting it keeps a computation that began earlier from
/// being stored.
enum SharedScripts {
    /// Reads a value, and takes the lease if there is none or it is stale.
    ///
    /// Arguments: a random token; how long the lease lasts, or 0 for none; how long generations last; the remaining time
    /// of a value at and below which it is stale. Times are in milliseconds. A lease of an earlier generation is nobody's.
    ///
    /// Returns the value, its remaining time, whether the lease was granted (1), is another's (2) or was not wanted (0),
    /// and the generations.
    static let open = """
        local generations, tag = {}, ''
        local known = true
        for i = 3, #KEYS do
          generations[i] = redis.call('GET', KEYS[i])
          if not generations[i] then
            known = false
            generations[i] = ARGV[1]
          end
          tag = tag .. generations[i]
        end
        local value, left = false, 0
        if known then value = redis.call('GET', KEYS[1]) end
        if value and string.sub(value, 1, #tag) ~= tag then value = false end
        if value then left = redis.call('PTTL', KEYS[1]) end
        if ARGV[2] == '0' or (value and left > tonumber(ARGV[4])) then return {value, left, 0, tag} end
        local holder = redis.call('GET', KEYS[2])
        if holder and string.sub(holder, 1, #tag) == tag then return {value, left, 2, tag} end
        for i = 3, #KEYS do redis.call('SET', KEYS[i], generations[i], 'PX', ARGV[3]) end
        redis.call('SET', KEYS[2], tag .. ARGV[1], 'PX', ARGV[2])
        return {value, left, 1, tag}
        """

    /// Stores a value and ends the lease, if the lease and the generations are still those of ``open``.
    ///
    /// Arguments: the generations; the token; the value; how long it lasts.
    static let store = """
        if redis.call('GET', KEYS[2]) ~= ARGV[1] .. ARGV[2] then return 0 end
        redis.call('DEL', KEYS[2])
        local tag = ''
        for i = 3, #KEYS do tag = tag .. (redis.call('GET', KEYS[i]) or '') end
        if tag ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], tag .. ARGV[3], 'PX', ARGV[4])
        return 1
        """

    /// Ends the lease without a value. Arguments: the generations; the token.
    static let release = """
        if redis.call('GET', KEYS[2]) ~= ARGV[1] .. ARGV[2] then return 0 end
        return redis.call('DEL', KEYS[2])
        """
}

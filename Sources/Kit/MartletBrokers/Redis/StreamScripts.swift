/// The scripts in Redis. Each is atomic, so Redis cannot lose its memory between a check and what depends on it.
enum StreamScripts {
    /// Lua's numbers are too small for the ids of entries.
    private static let comparison = """
        local function less(a, b)
          local am, as = string.match(a, '^(%d+)-(%d+)$')
          local bm, bs = string.match(b, '^(%d+)-(%d+)$')
          if #am ~= #bm then return #am < #bm end
          if am ~= bm then return am < bm end
          if #as ~= #bs then return #as < #bs end
          return as < bs
        end

        """

    private static let clock = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)

        """

    /// Appends events if Redis still has what was published before.
    ///
    /// The entry of the position must still exist. If it does not, it has been trimmed, and then all entries are later;
    /// or Redis has lost it with those behind it, as after a failover to a replica that lagged.
    ///
    /// Keys: the stream, the state. Arguments: the epoch and the last entry of the position, or two empty texts; a
    /// random text for a new epoch; then, for each event, the number of its fields and the fields.
    ///
    /// Returns nothing when Redis has forgotten; otherwise the epoch and the id of the last entry.
    static let publish =
        comparison + clock + """
            local epoch, id = redis.call('HGET', KEYS[2], 'epoch'), ARGV[2]
            if ARGV[1] == '' then
              epoch = epoch or ARGV[3]
              redis.call('HSET', KEYS[2], 'epoch', epoch, 'since', string.format('%.0f', now))
              id = '0-0'
            elseif epoch ~= ARGV[1] then
              return {}
            elseif id ~= '0-0' and #redis.call('XRANGE', KEYS[1], id, id) == 0 then
              local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
              if not first or not less(id, first[1]) then return {} end
            end
            local index = 4
            while index <= #ARGV do
              local count = tonumber(ARGV[index])
              id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, index + 1, index + count))
              index = index + count + 1
            end
            return {epoch, id}
            """

    /// Creates a subscriber's group unless it exists.
    ///
    /// It begins at the end of the stream; at its beginning if Redis has forgotten its groups, and while the stream is
    /// so new that it may contain what was published again for them.
    ///
    /// Keys: the stream, the state, the subscribers. Arguments: the subscriber; for how many milliseconds the stream is
    /// new, or `always`.
    static let subscribe =
        clock + """
            redis.call('SADD', KEYS[3], ARGV[1])
            local since = redis.call('HGET', KEYS[2], 'since')
            local isNew = ARGV[2] == 'always' or not since or now - tonumber(since) < tonumber(ARGV[2])
            local reply = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], isNew and '0' or '$', 'MKSTREAM')
            local failure = type(reply) == 'table' and reply.err
            if failure and not string.find(failure, 'BUSYGROUP', 1, true) then return reply end
            return redis.status_reply('OK')
            """

    /// Removes the entries that all groups have acknowledged.
    ///
    /// Keys: the stream, the state, the subscribers. Arguments, in milliseconds: for how long the stream is new; for
    /// how long entries are kept without groups.
    ///
    /// Returns the name of the slowest group and for how many milliseconds its next entry has waited, if there is one;
    /// or the name of a subscriber without a group.
    static let trim =
        comparison + clock + """
            if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
            redis.call('HSETNX', KEYS[2], 'since', string.format('%.0f', now))
            if now - tonumber(redis.call('HGET', KEYS[2], 'since')) < tonumber(ARGV[1]) then return {} end
            local names, slowest, least, unread = {}, nil, nil, nil
            for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
              local group = {}
              for index = 1, #info, 2 do group[info[index]] = info[index + 1] end
              names[group.name] = true
              local id = group['last-delivered-id']
              local from = '(' .. id
              if group.pending > 0 then
                id = redis.call('XPENDING', KEYS[1], group.name)[2]
                from = id
              end
              if not least or less(id, least) then slowest, least, unread = group.name, id, from end
            end
            for _, name in ipairs(redis.call('SMEMBERS', KEYS[3])) do
              if not names[name] then return {name} end
            end
            if not least then
              least = string.format('%.0f-0', now - tonumber(ARGV[2]))
              -- The last entry stays: by it the publisher sees that nothing was forgotten.
              local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
              if last and less(last[1], least) then least = last[1] end
            end
            redis.call('XTRIM', KEYS[1], 'MINID', '~', least, 'LIMIT', 0)
            if not unread then return {} end
            local entry = redis.call('XRANGE', KEYS[1], unread, '+', 'COUNT', 1)[1]
            if not entry then return {} end
            return {slowest, math.floor(now - tonumber(string.match(entry[1], '^(%d+)')))}
            """

    /// Acknowledges a group's lowest pending entry if it is too large to be read.
    ///
    /// Key: the stream. Arguments: the group; the greatest size, which counts 64 bytes for each field as the client
    /// does.
    ///
    /// Returns the id of the entry.
    static let skip = """
        local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1)[1]
        if not pending then return false end
        local entry = redis.call('XRANGE', KEYS[1], pending[1], pending[1])[1]
        if not entry then return false end
        local size = 0
        for _, field in ipairs(entry[2]) do size = size + #field + 64 end
        if size <= tonumber(ARGV[2]) then return false end
        redis.call('XACK', KEYS[1], ARGV[1], pending[1])
        return pending[1]
        """
}

"""What runs inside Redis, each script in one indivisible step.

Everything lives below the prefix and, but for the name of the generation itself, below the generation:
to forget everything is to name a new one, and what the old one holds ends by its own time to live.

    generation               the name of the present generation
    GEN:e:KEY                an entry, as codec.py seals it
    GEN:l:LABEL              sorted set of the keys with the label, scored by the entry's sequence
    GEN:c:LABEL              sequence at which the label last changed: refuses what was computed before
    GEN:keys                 sorted set of all keys, scored by the end of their time in milliseconds
    GEN:position, GEN:floor  how far the bank was followed, and what was forgotten unseen
    GEN:asked                when something was last forgotten on request, in milliseconds
    GEN:additions            sorted set of what was added to the bank, scored by its sequence
    GEN:h:KEY                the token that holds the lease of the key, with a "!" once it is spent
    GEN:held                 sorted set of the leased keys, scored by the lease's end in milliseconds
    GEN:fence                counter of the leases

The names of keys are made in the scripts, so this is for one server or a failover pair, not for a cluster.
"""

from typing import Final

_OPEN: Final = """
local generation = redis.call('GET', KEYS[1])
local base = ARGV[1] .. (generation or ARGV[2]) .. ':'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not generation then
  generation = ARGV[2]
  redis.call('SET', KEYS[1], generation)
  redis.call('SET', base .. 'asked', now)
end
"""

# A full Redis refuses the first write of a script if it needs memory, and after another one none: what frees
# memory, or needs next to none, begins with one that needs none.
_THOUGH_FULL: Final = """
redis.call('UNLINK', base .. 'nothing')
"""

_STORE: Final = """
local key, sequence, life, longest = ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if sequence < tonumber(redis.call('GET', base .. 'floor') or '0') then return 0 end
for i = 10, #ARGV do
  local changed = redis.call('GET', base .. 'c:' .. ARGV[i])
  if changed and tonumber(changed) > sequence then return 0 end
end
for i = 10, #ARGV do
  redis.call('ZADD', base .. 'l:' .. ARGV[i], sequence, key)
  redis.call('PEXPIRE', base .. 'l:' .. ARGV[i], longest)
end
redis.call('SET', base .. 'e:' .. key, ARGV[4], 'PX', life)
redis.call('ZREMRANGEBYSCORE', base .. 'keys', '-inf', now)
redis.call('ZADD', base .. 'keys', ARGV[8], key)
redis.call('PEXPIRE', base .. 'keys', longest)
return 1
"""

# ARGV: prefix, new generation, key, body, sequence, ms to live, ms that labels live, end in ms, token of the
#       lease that was spent for it or nothing, label...
# Returns 1, or 0 when a source changed after the sequence, or the lease was taken away after it was spent.
PUT: Final = (
    _OPEN
    + """
if ARGV[9] ~= '' and redis.call('GET', base .. 'h:' .. ARGV[3]) ~= ARGV[9] .. '!' then return 0 end
"""
    + _STORE
)

# The same for what was learnt while Redis was away. ARGV: those of PUT, but instead of the token when it was
# learnt in ms. Returns 0 also when something was forgotten on request since then, which may have meant this,
# and when what is there lives as long.
HAND_BACK: Final = (
    _OPEN
    + """
if tonumber(redis.call('GET', base .. 'asked') or '0') >= tonumber(ARGV[9]) then return 0 end
if tonumber(redis.call('ZSCORE', base .. 'keys', ARGV[3]) or '0') >= tonumber(ARGV[8]) then return 0 end
"""
    + _STORE
)

# ARGV: prefix, new generation, channel, message, position, ms that changes are remembered, any sequence,
#       position and time of asking that were seen last, most additions, the one that stands for all, number
#       of keys, key..., number of additions, addition and sequence in turn, then label and sequence in turn.
# Returns the time of asking, or 0 if it was not on request, and the keys that were there; or nothing, and
# changes nothing, if Redis has gone back behind what was seen.
EVICT: Final = (
    _OPEN
    + _THOUGH_FULL
    + """
local stood = tonumber(redis.call('GET', base .. 'position') or '0')
local asked = tonumber(redis.call('GET', base .. 'asked') or '0')
if stood < tonumber(ARGV[8]) or asked < tonumber(ARGV[9]) then return false end
local gone = {}
local function drop(key)
  if redis.call('UNLINK', base .. 'e:' .. key) == 1 then gone[#gone + 1] = key end
  redis.call('ZREM', base .. 'keys', key)
end
local position, remembered, any = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local first_addition = 14 + tonumber(ARGV[12])
local on_request = first_addition > 14
for i = 13, first_addition - 2 do drop(ARGV[i]) end
local first_label = first_addition + 2 * tonumber(ARGV[first_addition - 1])
local added = base .. 'additions'
for i = first_addition, first_label - 1, 2 do
  redis.call('ZADD', added, 'GT', ARGV[i + 1], ARGV[i])
  redis.call('PEXPIRE', added, remembered)
end
local surplus = redis.call('ZCARD', added) - tonumber(ARGV[10])
if surplus > 0 then
  local oldest = redis.call('ZPOPMIN', added, surplus + 1)
  redis.call('ZADD', added, 'GT', oldest[#oldest], ARGV[11])
end
for i = first_label, #ARGV, 2 do
  local set, sequence = base .. 'l:' .. ARGV[i], tonumber(ARGV[i + 1])
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', '(' .. ARGV[i + 1])) do drop(key) end
  redis.call('ZREMRANGEBYSCORE', set, '-inf', '(' .. ARGV[i + 1])
  on_request = on_request or sequence >= any
  if sequence < any then
    local before = tonumber(redis.call('GET', base .. 'c:' .. ARGV[i]) or '0')
    if sequence > before then
      redis.call('SET', base .. 'c:' .. ARGV[i], ARGV[i + 1], 'PX', remembered)
    end
  end
end
if on_request then redis.call('SET', base .. 'asked', now) end
if position > stood then redis.call('SET', base .. 'position', ARGV[5]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return {on_request and now or 0, gone}
"""
)

# ARGV: prefix, new generation, channel, message, position or 0 for the one that was.
# Returns the time of asking and how many entries are gone.
CLEAR: Final = """
local before = redis.call('GET', KEYS[1])
local gone, position = 0, ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if before then
  local old = ARGV[1] .. before .. ':'
  if position == '0' then position = redis.call('GET', old .. 'position') or '0' end
  gone = redis.call('ZCOUNT', old .. 'keys', '(' .. now, '+inf')
  for _, name in ipairs({'keys', 'position', 'floor', 'asked', 'additions', 'held', 'fence'}) do
    redis.call('UNLINK', old .. name)
  end
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', ARGV[1] .. ARGV[2] .. ':asked', now)
if position ~= '0' then
  redis.call('SET', ARGV[1] .. ARGV[2] .. ':position', position)
  redis.call('SET', ARGV[1] .. ARGV[2] .. ':floor', position)
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return {now, gone}
"""

# ARGV: prefix, new generation, ms that a lease lives, end of the token, key...
# Returns a fence per key, 0 where another holds the lease.
ACQUIRE: Final = (
    _OPEN
    + _THOUGH_FULL
    + """
local fences = {}
redis.call('ZREMRANGEBYSCORE', base .. 'held', '-inf', now)
for i = 5, #ARGV do
  local holder = base .. 'h:' .. ARGV[i]
  local fence = 0
  if redis.call('EXISTS', holder) == 0 then
    fence = redis.call('INCR', base .. 'fence')
    redis.call('SET', holder, fence .. ARGV[4], 'PX', ARGV[3])
    redis.call('ZADD', base .. 'held', now + tonumber(ARGV[3]), ARGV[i])
    redis.call('PEXPIRE', base .. 'held', ARGV[3])
  end
  fences[#fences + 1] = fence
end
return fences
"""
)

# ARGV: prefix, new generation, key, token, ms that a spent lease keeps others out. Returns 1 if it was held.
REDEEM: Final = (
    _OPEN
    + _THOUGH_FULL
    + """
local holder = base .. 'h:' .. ARGV[3]
if redis.call('GET', holder) ~= ARGV[4] then return 0 end
redis.call('SET', holder, ARGV[4] .. '!', 'PX', ARGV[5])
return 1
"""
)

# ARGV: prefix, new generation, key, token, channel, message. Returns 1 if it was held.
RELEASE: Final = (
    _OPEN
    + """
local holder = base .. 'h:' .. ARGV[3]
local token = redis.call('GET', holder)
if token ~= ARGV[4] and token ~= ARGV[4] .. '!' then return 0 end
redis.call('DEL', holder)
redis.call('ZREM', base .. 'held', ARGV[3])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
"""
)

# ARGV: prefix, new generation, key... or nothing for all. Returns how many leases were taken away.
REVOKE: Final = (
    _OPEN
    + """
local keys = {unpack(ARGV, 3)}
if #keys == 0 then keys = redis.call('ZRANGE', base .. 'held', 0, -1) end
local gone = 0
for _, key in ipairs(keys) do
  gone = gone + redis.call('DEL', base .. 'h:' .. key)
  redis.call('ZREM', base .. 'held', key)
end
return gone
"""
)

-- Makes one node's leases of one user exactly those that are given, and removes what has ended of all nodes.
-- KEYS: the user's leases, the user's alive key, both in one slot. ARGV: the node's prefix ("" for no node), then pairs
-- of a field (NODE/SESSION) and its value (END:TAG, the end in milliseconds).
-- Returns: the time in microseconds, the number of this change, the leases before, the leases after.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local own, wanted = ARGV[1], {}
for i = 2, #ARGV, 2 do wanted[ARGV[i]] = ARGV[i + 1] end

local before, after, last, latest = {}, {}, 0, 0
local function add(field, value)
  after[#after + 1] = field
  after[#after + 1] = value
  latest = math.max(latest, tonumber(string.match(value, '^%d+')) or 0)
end

-- What is no hash, or no lease, was not written by this script: it goes.
local held = redis.pcall('HGETALL', KEYS[1])
if held.err then
  redis.call('DEL', KEYS[1])
  held = {}
end
for i = 1, #held, 2 do
  local field, value = held[i], held[i + 1]
  if field == 'number' then
    last = tonumber(value) or 0
  else
    local digits = string.match(value, '^(%d+):%x+$')
    local ends = 0
    if digits and #digits < 15 then
      ends = tonumber(digits)
      before[#before + 1] = field
      before[#before + 1] = value
    end
    local is_own = own ~= '' and string.sub(field, 1, #own) == own
    if wanted[field] == nil then
      if is_own or ends * 1000 <= now then
        redis.call('HDEL', KEYS[1], field)
      else
        add(field, value)
      end
    end
  end
end
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  add(ARGV[i], ARGV[i + 1])
end

-- A number that is far ahead of the time was not given by this script.
if last > now + 60000000 then last = 0 end
local number = string.format('%.0f', math.max(now, last + 1))
redis.call('HSET', KEYS[1], 'number', number)
local left = latest - math.floor(now / 1000)
if left > 0 then
  redis.call('SET', KEYS[2], '1', 'PX', left)
else
  left = 0
  redis.call('DEL', KEYS[2])
end
-- The number outlives the leases, so that it does not go back when the clock does.
redis.call('PEXPIRE', KEYS[1], left + 86400000)
return { string.format('%.0f', now), number, before, after }

-- Puts a user into the set of a channel's online users or takes them out, unless that was decided later already.
-- KEYS: the set, the numbers of its users' changes; both in one slot. ARGV: the user, the number, "1" for online.
local time = redis.call('TIME')
local ahead = time[1] * 1000000 + time[2] + 60000000
local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') or 0
if last > ahead or tonumber(ARGV[2]) >= last then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[2], 86400)
  if ARGV[3] == '1' then
    redis.call('SADD', KEYS[1], ARGV[1])
  else
    redis.call('SREM', KEYS[1], ARGV[1])
  end
end

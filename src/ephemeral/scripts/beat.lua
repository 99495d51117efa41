-- One node says that it is there, and learns how the cluster is.
-- KEYS: since when it has been so without a gap, the nodes, the ends of the users' leases; all in one slot.
-- ARGV: the node, how long it counts as there, how long the first key lasts (both in milliseconds), how many users.
-- Returns: the time in microseconds, since when (milliseconds), the nodes, users whose leases have ended.
local time = redis.call('TIME')
local now = math.floor((time[1] * 1000000 + time[2]) / 1000)
local since = redis.call('GET', KEYS[1])
if not since or not string.match(since, '^%d+$') then since = string.format('%.0f', now) end
redis.call('SET', KEYS[1], since, 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], now + ARGV[2] + 60000, '+inf')
return {
  string.format('%.0f', time[1] * 1000000 + time[2]),
  since,
  redis.call('ZRANGE', KEYS[2], 0, -1),
  redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, ARGV[4]),
}

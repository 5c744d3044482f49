-- Takes a token from the bucket KEYS[1]; the same arithmetic as pace in limit.go.
-- ARGV: size (deficit of an empty bucket), rate (given back a microsecond), token.
-- Answers {allowed (1 or 0), deficit afterwards, microseconds of the server's clock}.
local size, rate, token = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local kept = redis.call('HMGET', KEYS[1], 'deficit', 'at')
local deficit = math.min(tonumber(kept[1] or '0'), size)
local at = math.max(tonumber(kept[2] or '0'), 0)

if now > at then
  if now - at > math.floor(deficit / rate) then
    deficit = 0
  else
    deficit = deficit - (now - at) * rate
  end
end

local allowed = 0
if deficit + token <= size then
  allowed = 1
  deficit = deficit + token
end

-- %.0f: a plain tostring has 14 digits only. A bucket lives until it is full: one that is not there is.
redis.call('HSET', KEYS[1], 'deficit', string.format('%.0f', deficit), 'at', string.format('%.0f', math.max(now, at)))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(deficit / rate / 1000) + 1000))
return { allowed, deficit, now }

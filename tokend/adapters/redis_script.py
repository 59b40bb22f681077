"""The Lua script that counts in Redis, by the clock of Redis, and its arguments.

A group of counters is all or nothing: it counts in all of them, or, if one is over its limit, in none.
"""

import hashlib
from collections.abc import Sequence

from tokend.core.rate_limits import Bucket, BucketGroup, Excess

# A counter is "debt since": the debt at the time `since` (Unix microseconds), in microseconds times the limit's amount;
# it falls by that amount a microsecond. All are whole numbers below 2^53, so that Lua's doubles are exact. If the clock
# is set back, the debt stops falling only until the next request. What somebody else wrote under a key is no counter if it has
# another type or form, and is at most a full one. Any other error of GET is the script's: an ACL without it would end all limits.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debts, changed = {}, {}
for i, key in ipairs(KEYS) do
  local amount = tonumber(ARGV[3 * i - 2])
  local text = redis.pcall('GET', key)
  if type(text) == 'table' and not string.find(text.err, 'WRONGTYPE', 1, true) then return text end
  if type(text) ~= 'string' then text = '' end
  local debt, since = string.match(text, '^(%d+) (%d+)$')
  debts[i] = 0
  if debt then
    debts[i] = math.max(0, math.min(debt, ARGV[3 * i]) - math.max(0, now - since) * amount)
    changed[i] = tonumber(since) > now
  end
end
local answer = {}
local at = 3 * #KEYS + 1
while at <= #ARGV do
  local last = at + ARGV[at]
  local wait, full = 0, 0
  for place = at + 1, last do
    local i = tonumber(ARGV[place])
    local amount = tonumber(ARGV[3 * i - 2])
    local over = debts[i] + ARGV[3 * i - 1] - ARGV[3 * i]
    local whole = math.floor(over / amount)
    if whole * amount < over then whole = whole + 1 end
    if whole > wait then wait, full = whole, place - at end
  end
  if wait == 0 then
    for place = at + 1, last do
      local i = tonumber(ARGV[place])
      debts[i] = debts[i] + ARGV[3 * i - 1]
      changed[i] = true
    end
  end
  answer[#answer + 1] = wait
  answer[#answer + 1] = full
  at = last + 1
end
for i, key in ipairs(KEYS) do
  if changed[i] then
    local empty_after = math.ceil(debts[i] / ARGV[3 * i - 2] / 1000) + 1
    redis.call('SET', key, string.format('%.0f %.0f', debts[i], now), 'PX', string.format('%.0f', empty_after))
  end
end
return answer
"""


def script_arguments(groups: Sequence[BucketGroup]) -> tuple[list[str], list[int]]:
    """The script's KEYS and ARGV.

    ARGV holds three numbers for each counter, then for each group its length and the places of its counters in KEYS.
    """
    places: dict[Bucket, int] = {}
    members: list[int] = []
    for group in groups:
        members.append(len(group))
        members += [places.setdefault(counter, len(places) + 1) for counter in group]
    limits = [number for _, limit in places for number in (limit.amount, limit.cost, limit.capacity)]
    return [key_of(counter) for counter in places], limits + members


def read_answer(groups: Sequence[BucketGroup], answer: Sequence[int]) -> list[Excess | None]:
    """What the script returned: for each group the microseconds to wait, and which of its counters is full, from 1; or 0, 0."""
    pairs = zip(groups, answer[::2], answer[1::2], strict=True)
    return [Excess(group[full - 1], wait / 1_000_000) if full else None for group, wait, full in pairs]


def key_of(counter: Bucket) -> str:
    """The Redis key of a counter. Users and addresses are hashed; the braces keep all keys on the same shard."""
    name, limit = counter
    text = f"{name} {limit.amount}/{limit.seconds} {limit.burst}"
    return "tokend:{limits}:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
